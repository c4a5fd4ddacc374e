// All of one span.

const ERROR_TAGS = ["error.type", "error.message", "error.msg", "error.stack"];
const isInternal = (name) => name.startsWith("_");

/** The inside of the panel. `open(id)` opens another trace, `close()` closes the panel. */
function spanDetails(span, trace, ownTime, { open, close }) {
  const rest = Object.entries(span.tags).filter(([name]) => !ERROR_TAGS.includes(name)).sort();
  return [
    el(
      "div",
      { class: "first" },
      el("h3", {}, span.name),
      el("button", { type: "button", class: "copy", title: "Close (Esc)", onclick: close }, "close"),
    ),
    span.resource === span.name ? null : el("div", { class: "resource mono" }, span.resource),
    el(
      "p",
      { class: "facts" },
      serviceMark(span.service),
      fact("type", span.type),
      fact("after", duration(span.offset)),
      fact("took", duration(span.duration)),
      fact("itself", duration(ownTime)),
      fact("at", clock(span.start)),
    ),
    span.error ? failure(span.tags) : null,
    heading("In logs"),
    table(logIds(span, trace), true),
    ...section("Tags", rest.filter(([name]) => !isInternal(name))),
    ...section("Process", Object.entries(span.process).sort()),
    ...span.events.flatMap((event) =>
      section(`Event ${event.name}, after ${duration(Number(BigInt(event.time) - BigInt(trace.start)))}`, Object.entries(event.attributes), true),
    ),
    ...span.links.flatMap((link) => linked(link, open)),
    ...folded("Datadog's own", rest.filter(([name]) => isInternal(name))),
  ];
}

const heading = (text) => el("h4", {}, text);
const fact = (name, value) => (value ? el("span", {}, `${name} `, el("b", {}, value)) : null);

function section(title, pairs, evenEmpty = false) {
  return pairs.length || evenEmpty ? [heading(title), table(pairs)] : [];
}

function folded(title, pairs) {
  return pairs.length ? [el("details", {}, el("summary", {}, `${title} (${pairs.length})`), table(pairs))] : [];
}

function table(pairs, isCopied = false) {
  const row = ([name, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value, null, 1);
    return el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, text, isCopied ? " " : "", isCopied ? copyButton(text, name) : ""));
  };
  return el("table", {}, el("tbody", {}, ...pairs.map(row)));
}

function failure(tags) {
  const message = tags["error.message"] ?? tags["error.msg"] ?? "";
  const stack = String(tags["error.stack"] ?? "");
  const status = tags["http.status_code"] ?? tags["http.response.status_code"];
  return el(
    "div",
    { class: "failure" },
    el("b", { class: "bad" }, String(tags["error.type"] ?? (status ? `HTTP status ${status}` : "Error"))),
    message ? el("pre", {}, String(message)) : null,
    stack && stack !== message ? el("pre", { class: "stack" }, stack) : null,
    message || stack || status ? null : el("p", { class: "soft" }, "The span has neither a message nor a stack."),
  );
}

/** The ids as log records have them: Datadog's, and OpenTelemetry's. */
function logIds(span, trace) {
  const lower = BigInt(`0x${trace.id}`);
  const isLong = !trace.trace_id.startsWith("0000000000000000");
  return [
    ["dd.trace_id", isLong ? trace.trace_id : String(lower)],
    ["dd.span_id", String(BigInt(`0x${span.id}`))],
    ["trace_id", trace.trace_id],
    ["span_id", span.id],
  ];
}

function linked(link, open) {
  const button = el("button", { type: "button", class: "copy", onclick: () => open(link.trace.slice(-16)) }, "open");
  const title = el("h4", {}, `Link to span ${link.span} of trace ${link.trace} `, button);
  return [title, table(Object.entries(link.attributes))];
}
