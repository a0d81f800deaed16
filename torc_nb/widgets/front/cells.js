// A cell of a table, as text.

// What is not seen, or turns what follows around; in the editor it stays what it is.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** The text of a cell, in one line; where somebody else changed it meanwhile, with theirs. */
function inCell(cell) {
  if (!cell) return "";
  const text = cell.theirs === undefined ? cell.text : `${cell.text} · meanwhile ${cell.theirs}`;
  return text.replaceAll("\n", " ⏎ ").replace(UNSEEN, "\ufffd");
}

function writeCell({ node, text }, cell, isFixed = true) {
  const shown = inCell(cell);
  if (text.textContent !== shown) text.textContent = shown;
  const is = {
    "torc-nb-edited": cell.was !== undefined,
    "torc-nb-refused": Boolean(cell.refusal),
    "torc-nb-conflict": cell.theirs !== undefined,
    "torc-nb-others": cell.before !== undefined,
    "torc-nb-waits": Boolean(cell.waits),
    "torc-nb-fixed": Boolean(cell.fixed),
    "torc-nb-number": cell.kind === "number",
    "torc-nb-none": cell.kind === "none" || cell.kind === "absent",
  };
  for (const [name, does] of Object.entries(is)) node.classList.toggle(name, does);
  node.setAttribute("aria-invalid", String(Boolean(cell.refusal)));
  if (node.getAttribute("role") === "gridcell") node.setAttribute("aria-readonly", String(Boolean(isFixed || cell.fixed)));
  node.title = shown.length > 20 ? shown : "";
}

/** A cell as spreadsheets put it on the clipboard. */
function quoted(text) {
  return /^"|[\t\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
