// What the parts of the page do together: the stream, the address, the keys.

const state = { trace: null, span: "", isGone: false, isLost: false, services: new Set() };
const list = new TraceList((id) => openTrace(id, true));
const waterfall = new Waterfall((span) => openSpan(span.id));

// --- What comes ---

let stream = null;

function listen() {
  stream = new EventSource("api/stream");
  stream.addEventListener("all", (event) => {
    list.known.clear();
    take(JSON.parse(event.data));
  });
  stream.addEventListener("changed", (event) => take(JSON.parse(event.data)));
  stream.addEventListener("open", showState);
  stream.addEventListener("error", showState);
}

function take(told) {
  list.take(told);
  const { totals } = told;
  const refused = totals.refused ? `${plural(totals.refused, "payload")} refused, the last: ${totals.refusal}` : "";
  const bytes = `${mebibytes(totals.bytes)} of ${mebibytes(totals.most_bytes)} MiB`;
  const kept = `Kept: ${plural(totals.traces, "trace")} of at most ${totals.most_traces.toLocaleString("en")}, ${bytes}`;
  byId("totals").title = `${plural(totals.spans, "span")} received`;
  byId("totals").replaceChildren(
    kept,
    refused ? el("div", { class: "bad" }, refused) : "",
  );
  welcome();
  addServices(told.rows);
  if (state.trace) {
    if (told.rows.some((row) => row.id === state.trace.id)) fetchTrace(state.trace.id);
    if (told.gone.includes(state.trace.id)) {
      state.isGone = true;
      drawAbout();
    }
  }
  showState();
}

function showState() {
  const isAway = stream.readyState !== EventSource.OPEN;
  const [name, text] = isAway ? ["away", "The view does not answer"] : list.isPaused ? ["paused", "Paused"] : ["live", "Live"];
  byId("state").dataset.state = name;
  if (byId("state").textContent !== text) byId("state").textContent = text;
}

function addServices(rows) {
  const before = state.services.size;
  for (const row of rows) for (const service of Object.keys(row.services)) state.services.add(service);
  if (state.services.size !== before) drawServices();
}

function drawServices() {
  const chosen = byId("service").value || list.filter.service;
  const names = [...new Set([...state.services, ...(chosen ? [chosen] : [])])].sort();
  byId("service").replaceChildren(
    el("option", { value: "" }, "All services"),
    ...names.map((name) => el("option", { value: name }, name)),
  );
  byId("service").value = chosen;
}

/** What stands where no trace is open. */
function welcome() {
  const kind = state.isLost ? "lost" : list.known.size ? "choose" : "empty";
  if (byId("welcome").dataset.kind === kind) return;
  byId("welcome").dataset.kind = kind;
  byId("welcome").replaceChildren(...WELCOMES[kind]());
}

const WELCOMES = {
  lost: () => [
    el("h2", {}, "This trace is not kept"),
    el("p", {}, "It is older than those that are, or was cleared."),
  ],
  choose: () => [
    el("h2", {}, "Choose a trace"),
    el("p", {}, "With the mouse, or with the keys j, k and Enter; ? shows all keys."),
  ],
  empty: () => {
    const command = (text) => el("pre", { class: "mono" }, text);
    const toHere = location.port === "8126" ? "" : `DD_TRACE_AGENT_URL=${location.origin} `;
    return [
      el("h2", {}, "Waiting for traces"),
      el("p", {}, "From a program under this distro, or under any Datadog tracer:"),
      command(`${toHere}DD_SERVICE=shop python -m otel_dd_distro app.py`),
      el("p", {}, "From OpenTelemetry's SDK, in any language:"),
      command(`OTEL_EXPORTER_OTLP_ENDPOINT=${location.origin} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf ...`),
      el("p", {}, "They appear here within a second or two."),
    ];
  },
};

// --- A trace ---

async function openTrace(id, byHand = false, span = "") {
  if (state.trace?.id !== id) {
    state.span = span;
    byId("span").hidden = true;
    await fetchTrace(id, true);
  }
  if (byHand) writeAddress(true);
}

// One question at a time: what changes meanwhile is asked for once more, so that the answers keep up.
let asked = "";
let isDue = false;

async function fetchTrace(id, isOpening = false) {
  if (asked === id) {
    isDue = true;
    return;
  }
  asked = id;
  try {
    do {
      isDue = false;
      const answer = await fetch(`api/traces/${encodeURIComponent(id)}`);
      if (asked !== id || (!isOpening && state.trace?.id !== id)) return;
      if (answer.ok) showTrace(await answer.json(), id);
      else if (isOpening) closeTrace(true);
      isOpening = false;
    } while (isDue && asked === id);
  } catch {
    showState(); // It says that the view does not answer; the trace stays as it is.
  } finally {
    if (asked === id) asked = "";
  }
}

function showTrace(trace, id) {
  if (asked !== id) return;
  if (state.trace?.id === id) {
    // What the view has forgotten of an open trace stays.
    const known = new Set(trace.spans.map((span) => span.id));
    trace.spans.push(...state.trace.spans.filter((span) => !known.has(span.id)));
  }
  state.trace = trace;
  state.isGone = false;
  state.isLost = false;
  document.body.dataset.open = "";
  byId("welcome").hidden = true;
  byId("opened").hidden = false;
  waterfall.show(trace);
  trace.start = String(waterfall.base);
  list.rows.choose(id);
  drawAbout();
  if (state.span) openSpan(state.span, false);
}

function drawAbout() {
  const { trace } = state;
  const top = waterfall.rows.items[0]?.span;
  const services = new Map();
  for (const span of trace.spans) services.set(span.service, (services.get(span.service) ?? 0) + 1);
  const errors = trace.spans.filter((span) => span.error).length;
  const chip = ([name, count]) =>
    el(
      "button",
      { type: "button", class: "copy service", "aria-pressed": waterfall.only === name, title: "Highlight this service", onclick: () => highlight(name) },
      dot(name),
      cut(name || "(no service)"),
      String(count),
    );
  const notes = [
    state.isGone ? "This trace is no longer kept by the view; this is all that the page has seen of it." : "",
    trace.left_out ? `${plural(trace.left_out, "more span")} of this trace came and are not kept: it is too large.` : "",
  ];
  byId("about").replaceChildren(
    el(
      "div",
      { class: "first" },
      el("button", { type: "button", class: "back", onclick: leaveTrace }, "← Traces"),
      el("h2", { class: "cut", title: top?.resource }, oneLine(top?.resource || top?.name || "")),
      el("button", { type: "button", class: "copy close", title: "Close (Esc)", onclick: leaveTrace }, "close"),
    ),
    el(
      "div",
      { class: "facts" },
      el("b", {}, duration(waterfall.total)),
      el("span", {}, plural(trace.spans.length, "span")),
      errors ? el("b", { class: "bad" }, plural(errors, "error")) : null,
      el("span", {}, clock(trace.start)),
      el("span", {}, el("span", { class: "mono" }, trace.trace_id), " ", copyButton(trace.trace_id, "the trace id")),
    ),
    el("div", { class: "facts chips" }, ...[...services].map(chip)),
    ...notes.filter(Boolean).map((note) => el("p", { class: "note" }, note)),
  );
}

function highlight(service) {
  waterfall.highlight(service);
  drawAbout();
}

function openSpan(id, byHand = true) {
  const span = state.trace.spans.find((each) => each.id === id);
  if (!span) return;
  const isAnother = state.span !== id || byId("span").hidden;
  state.span = id;
  byId("span").hidden = false;
  waterfall.rows.choose(id);
  byId("span").replaceChildren(
    ...spanDetails(span, state.trace, waterfall.ownTime(span), { open: (trace) => openTrace(trace, true), close: closeSpan }).filter(Boolean),
  );
  if (isAnother) byId("span").scrollTop = 0;
  if (byHand) writeAddress();
}

function closeSpan() {
  state.span = "";
  byId("span").hidden = true;
  writeAddress();
  byId("tree").focus();
}

function closeTrace(isLost = false) {
  asked = "";
  state.isLost = isLost;
  state.trace = null;
  state.span = "";
  delete document.body.dataset.open;
  byId("opened").hidden = true;
  byId("span").hidden = true;
  byId("welcome").hidden = false;
  welcome();
  list.rows.choose(null);
  list.show();
}

function leaveTrace() {
  closeTrace();
  writeAddress(true);
  byId("list").focus();
}

// --- The address: what is shown can be opened again, and Back goes back ---

function writeAddress(isStep = false) {
  const { text, service, errors } = list.filter;
  const least = byId("least").value.trim();
  const told = { trace: state.trace?.id, span: state.span, text, service, least, errors: errors ? "1" : "" };
  const address = new URLSearchParams(Object.entries(told).filter(([, value]) => value));
  history[isStep ? "pushState" : "replaceState"](null, "", `#${address}`);
}

function readAddress() {
  const told = new URLSearchParams(location.hash.slice(1));
  byId("text").value = told.get("text") ?? "";
  byId("least").value = told.get("least") ?? "";
  byId("errors").checked = told.has("errors");
  list.filter.service = told.get("service") ?? "";
  byId("service").value = "";
  drawServices();
  readFilters();
  const id = told.get("trace");
  if (!id) closeTrace();
  else if (id !== state.trace?.id) openTrace(id, false, told.get("span") ?? "");
  else if (told.get("span")) openSpan(told.get("span"), false);
}

function readFilters() {
  const least = nanoseconds(byId("least").value);
  byId("least").setAttribute("aria-invalid", Number.isNaN(least));
  byId("least").title = Number.isNaN(least) ? "Not understood: write 50ms, 1.5s or 200us" : "";
  list.setFilter({
    text: byId("text").value,
    service: byId("service").value,
    least: Number.isNaN(least) ? 0 : least,
    errors: byId("errors").checked,
  });
}

for (const id of ["text", "service", "least", "errors"]) {
  byId(id).addEventListener("input", () => {
    readFilters();
    writeAddress();
  });
}
byId("filters").addEventListener("submit", (event) => event.preventDefault());
addEventListener("popstate", readAddress);

// --- Buttons and keys ---

function pause() {
  list.isPaused = !list.isPaused;
  byId("pause").setAttribute("aria-pressed", list.isPaused);
  byId("pause").textContent = list.isPaused ? "Go on" : "Pause";
  list.show(!list.isPaused);
  showState();
}

function turnTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const now = document.documentElement.dataset.theme ?? system;
  const next = now === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem("theme", next);
}

function step(by) {
  const inTree = state.trace && (document.activeElement === byId("tree") || byId("span").contains(document.activeElement));
  const rows = inTree ? waterfall.rows : list.rows;
  if (document.activeElement !== rows.box) rows.box.focus({ preventScroll: true });
  rows.step(by);
}

const inTree = () => document.activeElement === byId("tree");

const KEYS = {
  "/": () => (byId("text").focus(), byId("text").select()),
  j: () => step(1),
  k: () => step(-1),
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  ArrowLeft: () => inTree() && waterfall.sideways(false),
  ArrowRight: () => inTree() && waterfall.sideways(true),
  Enter: () => {
    if (document.activeElement === byId("list") && state.trace) {
      byId("tree").focus();
      if (waterfall.rows.chosen === null) waterfall.rows.step(0);
    }
  },
  n: () => state.trace && (byId("tree").focus(), waterfall.stepToError(1)),
  N: () => state.trace && (byId("tree").focus(), waterfall.stepToError(-1)),
  e: () => byId("errors").click(),
  p: pause,
  t: turnTheme,
  "?": () => byId("keys").showModal(),
  Escape: () => (state.span ? closeSpan() : state.trace ? leaveTrace() : null),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
  const isTyping = event.target.matches("input:not([type=checkbox]), select");
  if (isTyping) {
    if (event.key === "Escape" || (event.key === "Enter" && event.target.id === "text")) {
      event.target.blur();
      byId("list").focus();
    }
    return;
  }
  const isPressed = event.target.matches("button, summary") && (event.key === "Enter" || event.key === " ");
  const inPanel = byId("span").contains(event.target) && event.key.startsWith("Arrow");
  const act = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
  if (act && !isPressed && !inPanel) {
    event.preventDefault();
    act();
  }
});

byId("pause").addEventListener("click", pause);
byId("theme").addEventListener("click", turnTheme);
byId("help").addEventListener("click", KEYS["?"]);
byId("clear").addEventListener("click", async () => {
  try {
    await fetch("api/clear", { method: "POST" });
    list.restart();
  } catch {
    showState();
  }
});

const theme = localStorage.getItem("theme");
if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
readAddress();
listen();
showState();
