// A list of which only the rows in sight are elements, so that ten thousand cost no more than thirty.

class Rows {
  /** `draw(item)` makes the inside of a row; `describe(item)` its attributes; `key(item)` is what a choice stands for. */
  constructor(box, { height, key, draw, describe, chosen }) {
    Object.assign(this, { box, height, key, draw, describe, onchosen: chosen });
    this.items = [];
    this.places = new Map();
    this.nodes = new Map();
    this.chosen = null;
    this.all = el("div", { class: "all", role: "presentation" });
    box.append(this.all);
    box.addEventListener("scroll", () => this.refresh());
    new ResizeObserver(() => this.refresh()).observe(box);
    // By its place: the element below the pointer may have been drawn anew between press and release.
    box.addEventListener("click", (event) => {
      if (event.target.closest("button")) return;
      const place = Math.floor((event.clientY - this.all.getBoundingClientRect().top) / this.height);
      if (this.items[place]) this.choose(this.key(this.items[place]), true);
    });
  }

  set(items) {
    this.items = items;
    this.places = new Map(items.map((item, place) => [this.key(item), place]));
    this.refresh();
  }

  /** Draw what is in sight; `anew` also what has not changed. */
  refresh(anew = false) {
    const { box, height, items } = this;
    this.all.style.height = `${items.length * height}px`;
    const first = Math.max(0, Math.floor(box.scrollTop / height) - 6);
    const end = Math.min(items.length, Math.ceil((box.scrollTop + box.clientHeight) / height) + 6);
    const before = this.nodes;
    this.nodes = new Map();
    for (let place = first; place < end; place++) {
      const item = items[place];
      const key = this.key(item);
      let entry = before.get(key);
      if (anew || !entry || entry.item !== item) {
        entry?.node.remove();
        entry = { item, node: el("div", { id: `${box.id}-${key}`, ...this.describe(item) }, ...this.draw(item)) };
      }
      before.delete(key);
      entry.node.style.transform = `translateY(${place * height}px)`;
      entry.node.setAttribute("aria-selected", key === this.chosen);
      entry.node.setAttribute("aria-posinset", place + 1);
      entry.node.setAttribute("aria-setsize", items.length);
      this.nodes.set(key, entry);
    }
    for (const entry of before.values()) entry.node.remove();
    // In the order in which they are read aloud.
    [...this.nodes.values()].forEach(({ node }, place) => {
      if (this.all.children[place] !== node) this.all.insertBefore(node, this.all.children[place] ?? null);
    });
    if (this.nodes.has(this.chosen)) box.setAttribute("aria-activedescendant", `${box.id}-${this.chosen}`);
    else box.removeAttribute("aria-activedescendant");
  }

  choose(key, byHand = false) {
    this.chosen = key;
    const place = this.places.get(key);
    if (place !== undefined) {
      const top = place * this.height;
      if (top < this.box.scrollTop) this.box.scrollTop = top;
      const over = top + this.height - this.box.scrollTop - this.box.clientHeight;
      if (over > 0) this.box.scrollTop += over;
    }
    this.refresh();
    if (byHand && place !== undefined) this.onchosen(this.items[place]);
  }

  /** The next or the previous one, or the first. */
  step(by) {
    if (!this.items.length) return;
    const place = this.places.get(this.chosen);
    const next = place === undefined ? 0 : Math.min(Math.max(place + by, 0), this.items.length - 1);
    this.choose(this.key(this.items[next]), true);
  }
}
