// One trace: its spans as a tree, each with a bar where it was in time.

class Waterfall {
  constructor(chosen) {
    this.trace = null;
    this.folded = new Set();
    this.only = "";
    this.rows = new Rows(byId("tree"), {
      height: 28,
      key: (line) => line.span.id,
      draw: (line) => this.draw(line),
      describe: (line) => this.describe(line),
      chosen: (line) => chosen(line.span),
    });
    const narrow = matchMedia("(max-width: 760px)");
    const measure = () => {
      this.rows.height = narrow.matches ? 46 : 28;
      this.rows.refresh();
    };
    narrow.addEventListener("change", measure);
    measure();
  }

  /** Show a trace, or what has come of it meanwhile: what is folded and chosen stays so. */
  show(trace) {
    const isAnother = this.trace?.id !== trace.id;
    if (isAnother) {
      this.folded.clear();
      this.only = "";
      this.rows.chosen = null;
      this.rows.box.scrollTop = 0;
    }
    this.trace = trace;
    const starts = trace.spans.map((span) => BigInt(span.start));
    this.base = starts.reduce((least, start) => (start < least ? start : least), starts[0] ?? 0n);
    for (const span of trace.spans) span.offset = Number(BigInt(span.start) - this.base);
    trace.spans.sort((one, other) => one.offset - other.offset);
    this.total = Math.max(1, ends(trace.spans));
    this.arrange();
  }

  /** Each span below its parent, in the order in which they started; what is folded is left out. */
  arrange() {
    const { spans } = this.trace;
    const known = new Map(spans.map((span) => [span.id, span]));
    this.children = new Map();
    const tops = [];
    for (const span of spans) {
      if (!known.has(span.parent) || span.parent === span.id) tops.push(span);
      else if (this.children.has(span.parent)) this.children.get(span.parent).push(span);
      else this.children.set(span.parent, [span]);
    }
    const lines = [];
    const seen = new Set();
    // After the tops, parents that are each other's: they would not be seen at all.
    for (const top of [...tops, ...spans]) {
      const ahead = seen.has(top.id) ? [] : [{ span: top, depth: 0, isShown: true }];
      while (ahead.length) {
        const { span, depth, isShown } = ahead.pop();
        if (seen.has(span.id)) continue;
        seen.add(span.id);
        const below = this.children.get(span.id) ?? [];
        const isFolded = this.folded.has(span.id);
        if (isShown) lines.push({ span, depth, isFolded, below: below.length });
        for (const child of [...below].reverse()) {
          ahead.push({ span: child, depth: depth + 1, isShown: isShown && !isFolded });
        }
      }
    }
    this.rows.set(lines);
    this.drawAxis();
  }

  describe({ span, depth, isFolded, below }) {
    const dimmed = this.only && span.service !== this.only ? "dimmed" : "";
    return {
      class: `row ${span.error ? "error" : ""} ${dimmed}`,
      role: "treeitem",
      "aria-level": depth + 1,
      "aria-expanded": below ? !isFolded : null,
      "aria-label": `${span.service} ${span.name} ${oneLine(span.resource)} ${duration(span.duration)}${span.error ? " error" : ""}`,
    };
  }

  draw({ span, depth, isFolded, below }) {
    const fold = el(
      "button",
      { type: "button", class: "fold", tabindex: -1, "aria-hidden": true, onclick: () => this.fold(span.id, !isFolded) },
      below ? (isFolded ? "▸" : "▾") : "",
    );
    const resource = span.resource === span.name ? "" : oneLine(span.resource);
    const isOrphan = depth === 0 && span.parent;
    const left = (span.offset / this.total) * 100;
    const width = (span.duration / this.total) * 100;
    return [
      el(
        "div",
        { class: "label", style: { "--depth": Math.min(depth, 24) } },
        fold,
        dot(span.service),
        el("b", { class: "cut", title: `${span.service}: ${span.name}` }, oneLine(span.name)),
        cut(resource),
        isOrphan ? el("span", { class: "soft", title: "Its parent has not been received" }, "↥ no parent here") : null,
        el("span", { class: "at-end" }, duration(span.duration)),
      ),
      el(
        "div",
        { class: "time" },
        el("div", { class: "bar", style: { ...hue(span.service), left: `${left}%`, width: `${Math.min(width, 100 - left)}%` } }),
        el("span", { class: "took", style: beside(left, width) }, duration(span.duration)),
      ),
    ];
  }

  drawAxis() {
    const ticks = [0, 0.25, 0.5, 0.75].map((part) =>
      el("span", { style: { left: `${part * 100}%` } }, part ? duration(Math.round(this.total * part)) : "0"),
    );
    byId("axis").replaceChildren(el("div", {}, ...ticks));
  }

  fold(id, isFolded) {
    if (isFolded) this.folded.add(id);
    else this.folded.delete(id);
    this.arrange();
  }

  /** Left and right: fold and unfold, or go to the parent and the first child. */
  sideways(isRight) {
    const line = this.rows.items[this.rows.places.get(this.rows.chosen)];
    if (!line) return;
    if (isRight && line.isFolded) this.fold(line.span.id, false);
    else if (isRight && line.below) this.rows.step(1);
    else if (!isRight && line.below && !line.isFolded) this.fold(line.span.id, true);
    else if (!isRight && this.rows.places.has(line.span.parent)) this.rows.choose(line.span.parent, true);
  }

  stepToError(by) {
    const { items, places, chosen } = this.rows;
    const start = places.get(chosen) ?? (by > 0 ? -1 : items.length);
    for (let place = start + by; items[place]; place += by) {
      if (items[place].span.error) return this.rows.choose(items[place].span.id, true);
    }
  }

  highlight(service) {
    this.only = this.only === service ? "" : service;
    this.rows.refresh(true);
  }

  /** How long a span was at work itself, and not one of its children. */
  ownTime(span) {
    let own = span.duration;
    let reached = span.offset;
    for (const child of this.children.get(span.id) ?? []) {
      const from = Math.max(child.offset, reached);
      const to = Math.min(child.offset + child.duration, span.offset + span.duration);
      own -= Math.max(0, to - from);
      reached = Math.max(reached, to);
    }
    return own;
  }
}

const ends = (spans) => spans.reduce((latest, span) => Math.max(latest, span.offset + span.duration), 0);

/** Where the duration of a bar is written: after it, before it, or on it. */
function beside(left, width) {
  if (left + width < 80) return { left: `${left + width}%` };
  if (left > 20) return { right: `${100 - left}%` };
  return { left: `${left}%`, color: "light-dark(#fff, #14171b)" };
}
