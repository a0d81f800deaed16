// The table of a grid: only the rows in sight are elements; the keyboard moves through all of them.

const ROW = 24; // height of a row in pixels
const IN_SIGHT = 14; // rows in sight at most
const TALLEST = 8e6; // browsers do not lay out much taller elements: beyond, a pixel scrolls over several rows
const LETTER = 7.5; // width of a letter in pixels, about
const NARROWEST = 8; // widths of columns, in letters
const WIDEST = 36;

let tables = 0;

class Table {
  constructor(model, pages, outbox, act) {
    Object.assign(this, { model, pages, outbox, act });
    this.id = `torc-nb-table-${(tables += 1)}`;
    this.first = 0; // the place of the first row in sight
    this.active = { row: 0, column: 0 };
    this.anchor = { row: 0, column: 0 };
    this.editor = new Editor(this);
    this.lines = [];
    this.widths = [];
    this.bubble = element("div", { class: "torc-nb-bubble", id: `${this.id}-bubble`, role: "status" });
    this.header = element("div", { class: "torc-nb-line torc-nb-head", role: "row", "aria-rowindex": "1" });
    this.body = element("div", { role: "rowgroup" });
    this.sizer = element("div", { class: "torc-nb-sizer", role: "presentation" }, this.header, this.body);
    this.frame = element(
      "div",
      {
        class: "torc-nb-frame",
        role: "grid",
        tabindex: "0",
        "data-lm-suppress-shortcuts": "true", // Jupyter's keys ("0 0", "d d") would be taken from what is typed
        "aria-multiselectable": "true",
        "aria-describedby": `${this.id}-bubble`,
        onscroll: () => this.scrolled(),
        onkeydown: (event) => this.key(event),
        onmousedown: (event) => this.pressed(event),
        onmouseover: (event) => event.buttons === 1 && this.dragged(event),
        ondblclick: (event) => this.cellOf(event) && this.edit(),
        onfocus: () => this.draw(),
        onblur: () => this.draw(),
      },
      this.sizer,
    );
    this.node = element("div", { class: "torc-nb-table" }, this.frame, this.bubble);
    // A browser sends these to where text is selected, and not to what has the focus and holds no text.
    this.clipboard = { copy: (event) => this.copy(event), paste: (event) => this.paste(event) };
    for (const [name, does] of Object.entries(this.clipboard)) document.addEventListener(name, does, true);
  }

  close() {
    for (const [name, does] of Object.entries(this.clipboard)) document.removeEventListener(name, does, true);
  }

  get head() {
    return this.model.get("head");
  }

  get columns() {
    return this.head.columns;
  }

  get rows() {
    return this.head.rows;
  }

  get inSight() {
    return Math.max(1, Math.min(IN_SIGHT, this.rows));
  }

  /** The rectangle that is selected. */
  get selected() {
    const [top, bottom] = [this.active.row, this.anchor.row].sort((a, b) => a - b);
    const [left, right] = [this.active.column, this.anchor.column].sort((a, b) => a - b);
    return { top, bottom, left, right };
  }

  // Drawing.

  /** Lay out anew: rows or columns came or went. */
  lay() {
    const { index, title, rows } = this.head;
    const names = [index || "row", ...this.columns, "status"];
    this.fit(names);
    this.header.replaceChildren(
      ...names.map((name, i) => {
        const kind = `torc-nb-cell ${i === 0 ? "torc-nb-index" : ""}`;
        const node = element("div", { class: kind, role: "columnheader", "aria-colindex": i + 1, "data-head": i - 1 }, said(name));
        node.style.width = `${this.widths[i] * LETTER}px`;
        node.title = name;
        return node;
      }),
    );
    this.frame.setAttribute("aria-label", `parameters of ${title}`);
    this.frame.setAttribute("aria-rowcount", rows + 1);
    this.frame.setAttribute("aria-colcount", names.length);
    this.frame.setAttribute("aria-readonly", String(Boolean(this.head.fixed)));
    this.sizer.style.height = `${Math.min(TALLEST, (rows + 1) * ROW)}px`;
    this.sizer.style.width = `${this.widths.reduce((a, b) => a + b, 0) * LETTER + names.length}px`;
    const borders = this.frame.offsetHeight - this.frame.clientHeight; // and the scroll bar, where there is one
    this.frame.style.height = `${(this.inSight + 1) * ROW + borders}px`;
    // One more than are in sight, since the first and the last may be cut; a row keeps its element while it is in sight.
    this.lines = Array.from({ length: Math.min(rows, this.inSight + 1) }, () => this.line(names.length));
    this.body.replaceChildren(...this.lines.map((line) => line.node));
    this.active.row = Math.max(0, Math.min(this.active.row, rows - 1));
    this.anchor.row = Math.max(0, Math.min(this.anchor.row, rows - 1));
    this.draw();
  }

  /** Widen columns for what is in sight; returns whether any became wider. */
  fit(names) {
    const n = this.columns.length;
    const sample = Array.from({ length: this.inSight }, (_, i) => this.pages.row(this.first + i)).filter(Boolean);
    const widths = names.map((name, i) => {
      const texts = sample.map((row) => (i === 0 ? row.label : i > n ? "completed, runs again" : inCell(row.cells[i - 1])));
      const longest = Math.max(name.length, ...texts.map((text) => text.length)) + (i > n ? 5 : 3);
      return Math.max(this.widths[i] ?? 0, Math.min(WIDEST, Math.max(NARROWEST, longest)));
    });
    const isWider = widths.join() !== this.widths.join();
    this.widths = widths;
    return isWider;
  }

  line(n) {
    const cells = Array.from({ length: n }, (_, i) => {
      const text = element("bdi", { class: "torc-nb-text" });
      const role = i === 0 ? "rowheader" : "gridcell";
      const kind = `torc-nb-cell ${i === 0 ? "torc-nb-index" : ""}`;
      const node = element("div", { class: kind, role, "aria-colindex": i + 1 }, text);
      node.style.width = `${this.widths[i] * LETTER}px`;
      return { node, text };
    });
    return { node: element("div", { class: "torc-nb-line", role: "row" }, cells.map((cell) => cell.node)), cells };
  }

  draw() {
    if (!this.rows) return this.bubble.replaceChildren();
    if (this.lines.length && this.fit([this.head.index || "row", ...this.columns, "status"])) return this.lay();
    const last = Math.min(this.rows, this.first + this.lines.length) - 1;
    this.first = Math.max(0, last - this.lines.length + 1);
    this.pages.want(this.first, last);
    for (let place = this.first; place <= last; place++) this.drawLine(this.lines[place % this.lines.length], place);
    const isInSight = this.active.row >= this.first && this.active.row <= last;
    if (isInSight) this.frame.setAttribute("aria-activedescendant", this.idOf(this.active));
    else this.frame.removeAttribute("aria-activedescendant");
    this.drawBubble(isInSight);
  }

  idOf({ row, column }) {
    return `${this.id}-${row}-${column}`;
  }

  drawLine({ node, cells }, place) {
    const row = this.pages.row(place);
    node.style.top = `${this.topOf(place)}px`;
    node.setAttribute("aria-rowindex", place + 2);
    node.dataset.place = place;
    node.dataset.job = row?.job ?? "";
    node.classList.toggle("torc-nb-again", row?.state === "again");
    node.classList.toggle("torc-nb-once", row?.state === "once");
    const { top, bottom, left, right } = this.selected;
    cells.forEach((cell, i) => {
      const column = i - 1;
      cell.node.id = this.idOf({ row: place, column });
      cell.node.dataset.column = column;
      const isSelected = place >= top && place <= bottom && column >= left && column <= right;
      cell.node.setAttribute("aria-selected", String(isSelected));
      cell.node.classList.toggle("torc-nb-active", place === this.active.row && column === this.active.column);
      if (i === 0) return writeCell(cell, { text: row?.label ?? "" });
      if (i <= this.columns.length) return writeCell(cell, this.shown(row, column), this.head.fixed);
      const state = { again: ", runs again", once: ", takes it" }[row?.state] ?? "";
      writeCell(cell, { text: row ? row.status + state : "…" });
      const [, colour, sentence] = this.model.get("statuses").find(([name]) => name === row?.status) ?? [];
      cell.node.classList.add("torc-nb-status");
      cell.node.style.setProperty("--torc-nb-status", colour ?? "transparent");
      cell.node.title = sentence ?? "";
    });
  }

  /** What a cell shows: what was typed here and is on its way, else what the kernel says. */
  shown(row, column) {
    if (!row) return { text: "…", kind: "absent" };
    const cell = row.cells[column] ?? { text: "", kind: "absent" };
    const text = this.outbox.text(row.job, column);
    return text === undefined ? cell : { ...cell, text, was: cell.was ?? cell.text, waits: true, refusal: undefined };
  }

  /** Say of the active cell what its text does not. */
  drawBubble(isInSight) {
    const row = this.pages.row(this.active.row);
    const column = this.active.column;
    const cell = row && column < this.columns.length ? this.shown(row, column) : undefined;
    const parts = [];
    if (isInSight && cell) {
      if (cell.refusal) parts.push(said(cell.refusal, { class: "torc-nb-wrong" }));
      if (cell.theirs !== undefined) {
        const settle = (keep) => () => {
          this.act({ kind: "settle", job: row.job, column, keep });
          this.frame.focus({ preventScroll: true });
        };
        parts.push(
          element("span", {}, "meanwhile ", said(cell.theirs), ", by somebody else; yours ", said(cell.text)),
          element("button", { type: "button", "data-settle": "theirs", onclick: settle(false) }, "Take theirs"),
          element("button", { type: "button", "data-settle": "mine", onclick: settle(true) }, "Keep mine"),
        );
      } else if (cell.was !== undefined && !cell.refusal) {
        parts.push(element("span", {}, "stored: ", said(cell.was || "(nothing)")));
      }
      if (cell.before !== undefined)
        parts.push(element("span", {}, "changed by somebody else; before: ", said(cell.before || "(nothing)")));
      if (cell.fixed && this.isAsked) parts.push(said(cell.fixed));
    }
    const floats = Boolean(cell && (cell.refusal || cell.theirs !== undefined) && parts.length);
    this.bubble.classList.toggle("torc-nb-floats", floats);
    const { left, top } = floats ? this.placeOf(this.active) : { left: 0, top: 0 };
    this.bubble.style.left = floats ? `${Math.max(0, left - this.frame.scrollLeft)}px` : "";
    this.bubble.style.top = floats ? `${top - this.frame.scrollTop + ROW + 3}px` : "";
    const text = parts.map((one) => one.textContent).join("\n") + JSON.stringify(this.active);
    if (text === this.bubbleText) return;
    this.bubbleText = text;
    this.bubble.hidden = parts.length === 0;
    this.bubble.replaceChildren(...parts);
  }

  /** How a cell that is in sight lies within the table. */
  placeOf(at) {
    const node = this.frame.querySelector(`[id="${this.idOf(at)}"]`);
    return { node, left: node.offsetLeft, top: this.topOf(at.row) };
  }

  // Moving.

  get slack() {
    return Math.max(0, this.sizer.offsetHeight - this.frame.clientHeight);
  }

  /** Whether there are too many rows for each to have its own place in what is scrolled. */
  get isCramped() {
    return (this.rows + 1) * ROW > TALLEST;
  }

  /** Where a row lies within what is scrolled. */
  topOf(place) {
    return this.isCramped ? this.frame.scrollTop + (place - this.first + 1) * ROW : (place + 1) * ROW;
  }

  scrolled() {
    const { scrollTop } = this.frame;
    const rest = this.rows - this.inSight;
    const first = this.isCramped ? Math.round((scrollTop / this.slack) * rest) : Math.floor(scrollTop / ROW);
    if (this.isCramped) this.editor.commit();
    this.first = Math.max(0, Math.min(first, rest));
    this.draw();
  }

  go(row, column, extend = false) {
    this.isAsked = false;
    this.active = {
      row: Math.max(0, Math.min(row, this.rows - 1)),
      column: Math.max(0, Math.min(column, this.columns.length)),
    };
    if (!extend) this.anchor = { ...this.active };
    this.scrollUpOrDown();
    this.draw();
    this.scrollAside();
  }

  /** Bring the active row into sight. */
  scrollUpOrDown() {
    const { row } = this.active;
    if (!this.isCramped) {
      const lowest = (row + 2) * ROW - this.frame.clientHeight;
      this.frame.scrollTop = Math.min(row * ROW, Math.max(lowest, this.frame.scrollTop));
      this.first = Math.floor(this.frame.scrollTop / ROW);
      return;
    }
    this.first = Math.min(row, Math.max(row - this.inSight + 1, this.first));
    this.frame.scrollTop = (this.first / (this.rows - this.inSight)) * this.slack;
  }

  /** Bring the active cell into sight where the table is wider than its frame. */
  scrollAside() {
    const node = this.frame.querySelector(`[id="${this.idOf(this.active)}"]`);
    if (!node) return;
    const index = this.widths[0] * LETTER; // stays where it is, over the cells
    const right = node.offsetLeft + node.offsetWidth - this.frame.clientWidth;
    this.frame.scrollLeft = Math.min(node.offsetLeft - index, Math.max(right, this.frame.scrollLeft));
  }

  key(event) {
    // JupyterLab has shortcuts of its own for keys that mean something here.
    event.stopPropagation();
    if (event.target !== this.frame || !this.rows) return;
    const { row, column } = this.active;
    const far = event.ctrlKey || event.metaKey;
    const to = {
      ArrowUp: () => [far ? 0 : row - 1, column],
      ArrowDown: () => [far ? this.rows - 1 : row + 1, column],
      ArrowLeft: () => [row, far ? 0 : column - 1],
      ArrowRight: () => [row, far ? this.columns.length : column + 1],
      Home: () => [far ? 0 : row, 0],
      End: () => [far ? this.rows - 1 : row, this.columns.length],
      PageUp: () => [row - this.inSight, column],
      PageDown: () => [row + this.inSight, column],
    }[event.key];
    const does = far ? this.chord(event) : { F2: () => this.edit(), Enter: () => this.edit(), Delete: () => this.clear() }[event.key];
    if (to) this.go(...to(), event.shiftKey);
    else if (does) does();
    else if (event.key.length === 1 && !far && !event.altKey) this.edit(event.key);
    else return;
    event.preventDefault();
  }

  /** What a key does together with Ctrl, or the command key. */
  chord(event) {
    const key = event.key.toLowerCase();
    if (key === "z") return () => this.act({ kind: event.shiftKey ? "redo" : "undo" });
    if (key === "y") return () => this.act({ kind: "redo" });
    if (key === "d") return () => this.act({ kind: "fill", ...this.where() });
    if (key === "a") return () => this.select(0, 0, this.rows - 1, this.columns.length - 1);
    return undefined;
  }

  where() {
    const { top, bottom, left, right } = this.selected;
    const width = Math.min(right, this.columns.length - 1) - left + 1;
    const job = this.pages.row(top)?.job ?? -1;
    return { block: { row: top, job, column: left, height: bottom - top + 1, width } };
  }

  select(top, left, bottom, right) {
    this.active = { row: top, column: left };
    this.anchor = { row: bottom, column: right };
    this.draw();
  }

  cellOf(event) {
    const node = event.target.closest?.("[data-column]");
    if (!node) return null;
    return { row: Number(node.parentElement.dataset.place), column: Math.max(0, Number(node.dataset.column)) };
  }

  pressed(event) {
    if (event.target === this.editor.node) return;
    const head = event.target.closest("[data-head]");
    const cell = this.cellOf(event);
    if (!head && !cell) return; // the scroll bar
    event.stopPropagation();
    event.preventDefault();
    this.editor.commit();
    this.frame.focus({ preventScroll: true });
    if (head && head.dataset.head >= 0 && head.dataset.head < this.columns.length)
      this.select(0, Number(head.dataset.head), this.rows - 1, Number(head.dataset.head));
    else if (cell) this.go(cell.row, cell.column, event.shiftKey);
  }

  dragged(event) {
    const cell = this.cellOf(event);
    if (cell && !this.editor.node) this.go(cell.row, cell.column, true);
  }

  // Editing.

  edit(text) {
    this.go(this.active.row, this.active.column);
    const row = this.pages.row(this.active.row);
    if (this.head.fixed || !row || this.active.column >= this.columns.length) return;
    const cell = this.shown(row, this.active.column);
    if (!cell.fixed) return this.editor.open(row, cell, text);
    this.isAsked = true;
    this.draw();
  }

  /** What an editor leaves behind: the text, where it is another one, and where to go from there. */
  typed(edited, text, down, right) {
    if (text !== edited.text) this.act({ kind: "type", cells: [[edited.job, edited.column, text]] });
    if (down || right) this.go(this.active.row + down, this.active.column + right);
    else this.draw();
  }

  clear() {
    const { top, bottom, left, right } = this.selected;
    if (top === bottom && left === right) return this.edit("");
    this.act({ kind: "paste", ...this.where(), text: "" });
  }

  copy(event) {
    if (document.activeElement !== this.frame) return;
    event.preventDefault();
    event.stopPropagation();
    const { top, bottom, left, right } = this.selected;
    const lines = [];
    for (let place = top; place <= bottom; place++) {
      const row = this.pages.row(place);
      if (!row) return this.act({ kind: "note", text: "Not all of these rows are here to be copied: m.params() has them." });
      const cells = this.columns.map((_, column) => this.shown(row, column).text).concat(row.status);
      lines.push(cells.slice(left, right + 1).map(quoted).join("\t"));
    }
    event.clipboardData.setData("text/plain", lines.join("\n"));
  }

  paste(event) {
    if (document.activeElement !== this.frame) return;
    event.preventDefault();
    event.stopPropagation();
    if (this.head.fixed || this.active.column >= this.columns.length) return;
    this.act({ kind: "paste", ...this.where(), text: event.clipboardData.getData("text/plain") });
  }
}
