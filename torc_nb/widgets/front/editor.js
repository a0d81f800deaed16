// The editor of a cell: what is typed there is the kernel's to read.

class Editor {
  constructor(table) {
    this.table = table;
    this.node = null; // while something is edited
  }

  /** Edit the active cell: the text that is there, or another one that begins. */
  open(row, cell, text) {
    const { table } = this;
    const column = table.active.column;
    const { node, left, top } = table.placeOf(table.active);
    this.edited = { job: row.job, column, text: cell.text };
    this.node = element("textarea", {
      class: "torc-nb-editor",
      rows: "1",
      "data-lm-suppress-shortcuts": "true",
      spellcheck: "false",
      dir: "auto",
      "aria-label": `${table.columns[column]}, ${row.label}`,
      "aria-describedby": table.bubble.id,
      "aria-invalid": String(Boolean(cell.refusal)),
      onkeydown: (event) => this.key(event),
      onblur: () => this.commit(),
    });
    this.node.value = text ?? cell.text;
    const lines = Math.min(6, cell.text.split("\n").length);
    const size = { minWidth: `${node.offsetWidth}px`, height: `${lines * ROW}px` };
    Object.assign(this.node.style, { left: `${left}px`, top: `${top}px`, ...size });
    table.sizer.append(this.node);
    this.node.focus({ preventScroll: true });
    if (text === undefined) this.node.select();
  }

  key(event) {
    event.stopPropagation();
    if (event.isComposing) return;
    const back = event.shiftKey ? -1 : 1;
    const leaves = {
      Enter: () => this.commit(back, 0),
      Tab: () => this.commit(0, back),
      Escape: () => this.leave(),
    }[event.key];
    if (!leaves) return;
    event.preventDefault();
    if (event.key === "Enter" && event.altKey) {
      this.node.setRangeText("\n", this.node.selectionStart, this.node.selectionEnd, "end");
      return;
    }
    leaves();
    this.table.frame.focus({ preventScroll: true });
  }

  leave() {
    const { node } = this;
    this.node = null; // before it loses its focus, which commits
    node?.remove();
  }

  /** Give the text to the table, and go on from there, so many rows down and columns to the right. */
  commit(down = 0, right = 0) {
    if (this.node === null) return;
    const text = this.node.value;
    this.leave();
    this.table.typed(this.edited, text, down, right);
  }
}
