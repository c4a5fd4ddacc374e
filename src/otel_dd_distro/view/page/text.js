// How numbers, times and services are shown.

/** `nanoseconds` in a unit in which it has few digits. */
function duration(nanoseconds) {
  if (nanoseconds < 1e3) return `${nanoseconds} ns`;
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toFixed(nanoseconds < 1e4 ? 1 : 0)} µs`;
  if (nanoseconds < 1e9) return `${(nanoseconds / 1e6).toFixed(nanoseconds < 1e7 ? 2 : nanoseconds < 1e8 ? 1 : 0)} ms`;
  if (nanoseconds < 6e10) return `${(nanoseconds / 1e9).toFixed(2)} s`;
  return `${Math.floor(nanoseconds / 6e10)} min ${Math.round((nanoseconds % 6e10) / 1e9)} s`;
}

/** Nanoseconds of `50ms`, `1.5 s`, `200us` or, in milliseconds, `50`; 0 for nothing, NaN for anything else. */
function nanoseconds(text) {
  if (!text.trim()) return 0;
  const found = /^\s*(\d+(?:[.,]\d+)?)\s*(ns|us|µs|ms|s|m|min)?\s*$/.exec(text);
  if (!found) return NaN;
  const unit = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 6e10, min: 6e10 }[found[2] ?? "ms"];
  return Number(found[1].replace(",", ".")) * unit;
}

/** `14:02:11.532` of nanoseconds since 1970, as text. */
function clock(start) {
  const date = new Date(Number(BigInt(start) / 1000000n));
  if (Number.isNaN(date.getTime())) return start;
  const two = (number) => String(number).padStart(2, "0");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

const plural = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0);

// Far from the red of errors, and from each other.
const HUES = [255, 165, 75, 310, 200, 120, 285, 230, 95, 185, 340, 140];
const hues = new Map();

/** The colour of a service, the same wherever it is shown. */
function hue(service) {
  if (!hues.has(service)) {
    const turn = HUES[hues.size % HUES.length];
    hues.set(service, `light-dark(oklch(0.6 0.13 ${turn}), oklch(0.7 0.11 ${turn}))`);
  }
  return { "--hue": hues.get(service) };
}

const dot = (service) => el("span", { class: "dot", style: hue(service), title: service });
const serviceMark = (service) => el("span", { class: "service" }, dot(service), cut(service || "(no service)"));
const cut = (text, more = "") => el("span", { class: `cut ${more}`, title: text }, text);

/** Line breaks and the like as blanks: what is shown in one line. */
const oneLine = (text) => text.replace(/\s+/g, " ").trim();
