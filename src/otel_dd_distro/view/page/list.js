// The list of traces: one row for each, whoever sent its spans. It stands still while somebody reads it.

class TraceList {
  constructor(opened) {
    this.known = new Map();
    this.filter = { text: "", service: "", least: 0, errors: false };
    this.isPaused = false;
    this.rows = new Rows(byId("list"), {
      height: 58,
      key: (row) => row.id,
      draw: (row) => this.draw(row),
      describe: (row) => ({ class: `row ${row.errors ? "error" : ""}`, role: "option" }),
      chosen: (row) => opened(row.id),
    });
    const { box } = this.rows;
    for (const event of ["scroll", "blur"]) box.addEventListener(event, () => this.show());
    box.parentElement.addEventListener("pointerleave", () => this.show());
    byId("held").addEventListener("click", () => this.showNewest());
  }

  /** Whether rows stay where they are, and newer ones wait. */
  get isHeld() {
    const { box, chosen } = this.rows;
    // A finger leaves its mark of hovering where it was last.
    const isPointed = box.parentElement.matches(":hover") && matchMedia("(hover: hover)").matches;
    const isRead = document.activeElement === box && chosen !== null;
    return this.isPaused || isPointed || isRead || box.scrollTop > 0;
  }

  take({ rows, gone }) {
    for (const id of gone) this.known.delete(id);
    for (const row of rows) this.known.set(row.id, row);
    this.show();
  }

  restart() {
    this.known.clear();
    this.show(true);
  }

  setFilter(filter) {
    this.filter = filter;
    this.rows.box.scrollTop = 0;
    this.show(true);
  }

  showNewest() {
    this.rows.box.scrollTop = 0;
    this.show(true);
  }

  show(anyway = false) {
    const { text, service, least, errors } = this.filter;
    const wanted = text.trim().toLowerCase();
    const id = asId(wanted);
    const fits = (row) =>
      (!errors || row.errors > 0) &&
      row.duration >= least &&
      (!service || Object.hasOwn(row.services, service)) &&
      (!wanted || row.id === id || haystack(row).includes(wanted));
    const fitting = [...this.known.values()].filter(fits);
    let shown = fitting;
    if (this.isHeld && !anyway) {
      shown = this.rows.items.map((row) => this.known.get(row.id)).filter((row) => row && fits(row));
    } else {
      shown.sort((one, other) => (one.start.length - other.start.length || (one.start < other.start ? -1 : 1)) * -1);
    }
    this.rows.set(shown);
    const waiting = fitting.length - shown.length;
    byId("held").hidden = waiting === 0;
    byId("held").textContent = `↑ ${waiting.toLocaleString("en")} new`;
    byId("nothing").hidden = shown.length > 0 || waiting > 0;
    byId("nothing").textContent = this.known.size ? "No trace fits these filters." : "No traces yet.";
    byId("list").hidden = !byId("nothing").hidden;
  }

  draw(row) {
    const services = Object.keys(row.services).sort();
    const resource = oneLine(row.resource || row.name);
    const errors = row.errors ? el("span", { class: "bad" }, plural(row.errors, "error")) : "";
    return [
      cut(resource, "name"),
      el("span", { class: "took" }, duration(row.duration)),
      el(
        "span",
        { class: "below" },
        el("span", { class: "dots", title: services.join(", ") }, ...services.slice(0, 8).map(dot)),
        el("span", {}, clock(row.start)),
        cut(`${row.service} · ${oneLine(row.name)}${row.is_whole ? "" : " · root not here"}`),
      ),
      el("span", { class: "count" }, errors || plural(row.spans, "span")),
    ];
  }
}

/** A trace id as logs have it, in 16 digits: decimal, or 16 or 32 hexadecimal digits. */
function asId(text) {
  if (/^[0-9a-f]{32}$|^[0-9a-f]{16}$/.test(text)) return text.slice(-16);
  return /^\d{1,20}$/.test(text) ? BigInt(text).toString(16).padStart(16, "0") : "";
}

const haystacks = new WeakMap();

/** All that a row is found by. */
function haystack(row) {
  if (!haystacks.has(row)) {
    const all = [row.resource, row.trace_id, ...row.names, ...Object.keys(row.services)];
    haystacks.set(row, all.join("\n").toLowerCase());
  }
  return haystacks.get(row);
}
