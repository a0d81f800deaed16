// The rows of a grid, a page at a time: only those that are looked at are asked for, and only some are kept.

const PAGE = 100;
const PAGES = 60;

class Pages {
  /** `arrived` is called whenever rows came. */
  constructor(model, arrived) {
    this.model = model;
    this.arrived = arrived;
    this.pages = new Map(); // number of the page -> { rows, version }
    this.asked = new Map(); // number of the page -> version at which it was asked for
  }

  /** The row at a place, as far as it is known. */
  row(place) {
    return this.pages.get(Math.floor(place / PAGE))?.rows[place % PAGE];
  }

  /** See to it that rows are there, and as they are now. */
  want(first, last) {
    const version = this.model.get("version");
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page++) {
      if (this.pages.get(page)?.version === version || this.asked.get(page) === version) continue;
      this.asked.set(page, version);
      send(this.model, { kind: "rows", start: page * PAGE, stop: (page + 1) * PAGE });
    }
  }

  take({ start, rows, version }) {
    const page = Math.floor(start / PAGE);
    if ((this.pages.get(page)?.version ?? -1) > version) return;
    this.pages.delete(page); // so that it stands last, as the newest
    this.pages.set(page, { rows, version });
    this.asked.delete(page);
    for (const old of [...this.pages.keys()].slice(0, Math.max(0, this.pages.size - PAGES))) this.pages.delete(old);
    this.arrived(version);
  }

  forget() {
    this.pages.clear();
    this.asked.clear();
  }
}
