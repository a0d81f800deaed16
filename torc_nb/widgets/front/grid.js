// The editable grid of a map's parameters. The kernel reads what is typed, and says what of it holds; here it is drawn.

class Foot {
  constructor(model, act) {
    this.model = model;
    this.act = act;
    this.text = element("div", { class: "torc-nb-summary", role: "status", "aria-live": "polite" });
    this.apply = element("button", { type: "button", "data-act": "apply", onclick: () => this.ask() }, "Apply and rerun …");
    this.question = element("div", { class: "torc-nb-question" });
    this.answer = element("div", { class: "torc-nb-answer", role: "status", "aria-live": "polite" });
    this.question.hidden = true;
    const buttons = element("div", { class: "torc-nb-buttons" }, this.apply);
    this.node = element("div", { class: "torc-nb-foot" }, this.text, buttons, this.question, this.answer);
  }

  show(isCounting) {
    const summary = this.model.get("summary");
    const blocked = [
      summary.refused ? `${summary.refused} cell(s) refused: correct them, or undo` : "",
      summary.conflicts ? `${summary.conflicts} cell(s) changed by somebody else meanwhile: keep yours or take theirs` : "",
    ].filter(Boolean);
    const lines = [
      element("div", {}, said(summary.text ?? "Nothing is changed.")),
      element("div", { class: "torc-nb-quiet" }, said(isCounting ? "counting what would run again …" : summary.effect ?? "")),
      ...blocked.map((text) => element("div", { class: "torc-nb-wrong" }, text)),
    ];
    const drawn = lines.map((line) => line.textContent).join("\n");
    if (drawn !== this.drawn) this.text.replaceChildren(...lines);
    this.drawn = drawn;
    this.apply.disabled = isCounting || !summary.rows || blocked.length > 0;
    this.apply.title = this.apply.disabled ? blocked.join("; ") : "";
  }

  ask() {
    const summary = this.model.get("summary");
    const label = "torc-nb-apply-question";
    const worker = element("input", { type: "checkbox", checked: summary.is_local });
    const choice = element("label", {}, worker, " no worker runs: start one on this machine");
    const notes = (summary.notes ?? []).map((note) => element("div", { class: "torc-nb-quiet" }, said(note)));
    const yes = () => {
      this.leave();
      this.say("Applying …");
      this.act({ kind: "apply", worker: Boolean(summary.no_worker && worker.checked) });
    };
    const no = element("button", { type: "button", "data-answer": "no", onclick: () => this.leave() }, "No");
    this.question.replaceChildren(
      element(
        "div",
        {
          role: "alertdialog",
          "aria-labelledby": label,
          onkeydown: (event) => {
            event.stopPropagation();
            if (event.key === "Escape") this.leave();
          },
        },
        element("div", { id: label }, said(summary.question)),
        notes,
        summary.no_worker ? choice : null,
        element("button", { type: "button", "data-answer": "yes", onclick: yes }, "Yes, apply and rerun"),
        no,
      ),
    );
    this.question.hidden = false;
    no.focus();
  }

  leave() {
    this.question.hidden = true;
    this.question.replaceChildren();
    this.apply.focus();
  }

  say(text, wrong = false) {
    this.answer.className = wrong ? "torc-nb-answer torc-nb-wrong" : "torc-nb-answer";
    this.answer.replaceChildren(...(text ? [said(text)] : []));
  }
}

function render({ model, el }) {
  el.classList.add("torc-nb-grid");
  el.dataset.lmSuppressShortcuts = "true";

  const notice = element("div", { class: "torc-nb-notice", role: "status" });
  const title = element("div", { class: "torc-nb-title" });
  const button = (act, label, onclick) => element("button", { type: "button", "data-act": act, onclick }, label);
  const buttons = {
    undo: button("undo", "Undo", () => act({ kind: "undo" })),
    redo: button("redo", "Redo", () => act({ kind: "redo" })),
    revert: button("revert", "Revert all", () => act({ kind: "revert" })),
    filter: button("filter", "Changed only", () => act({ kind: "filter", only: !model.get("head").only_changed })),
  };
  const bar = element("div", { class: "torc-nb-buttons", role: "group", "aria-label": "edits" }, Object.values(buttons));

  /** Whether the summary is of before the last edit. */
  const isCounting = () => outbox.unanswered > 0 || model.get("wanted") !== (model.get("summary").number ?? 0);

  const outbox = new Outbox(model, () => table.draw());
  const pages = new Pages(model, (version) => {
    outbox.settle(version);
    if (!laid) return lay();
    table.draw();
  });
  const table = new Table(model, pages, outbox, act);
  const foot = new Foot(model, act);
  let laid = false;
  el.append(element("div", { class: "torc-nb-top" }, title, bar), notice, table.node, foot.node);

  function act(message) {
    if (message.kind === "note") return foot.say(message.text);
    foot.say("");
    outbox.send(message);
    foot.show(isCounting());
  }

  function lay() {
    laid = Boolean(pages.row(table.first)) || !model.get("head").rows;
    table.lay();
  }

  let before = "";

  function showHead() {
    const head = model.get("head");
    const which = JSON.stringify([head.rows, head.total, head.only_changed]);
    if (which !== before) pages.forget(); // other rows stand at their places
    before = which;
    const number = (n) => n.toLocaleString("en");
    const rows = head.only_changed ? `${number(head.rows)} of ${number(head.total)} rows` : `${number(head.total)} rows`;
    title.replaceChildren(said(head.title), ` · ${rows}`);
    buttons.filter.setAttribute("aria-pressed", String(head.only_changed));
    bar.hidden = foot.node.hidden = Boolean(head.fixed);
    table.node.hidden = head.rows === 0;
    showNotice();
    lay();
  }

  function showNotice() {
    const { fixed, rows, total } = model.get("head");
    const lines = [
      fixed,
      model.get("trouble") && `The database does not answer; what is typed is kept here. ${model.get("trouble")}`,
      rows === 0 && (total === 0 ? "The map has no rows." : "No row is changed."),
      outbox.waiting && `${outbox.waiting} edit(s) wait for the kernel, which runs a cell or does not answer.`,
    ].filter(Boolean);
    const text = lines.join("\n");
    if (notice.textContent !== text) notice.textContent = text;
    notice.hidden = lines.length === 0;
  }

  function showSummary() {
    const summary = model.get("summary");
    buttons.undo.disabled = !summary.undo;
    buttons.redo.disabled = !summary.redo;
    buttons.revert.disabled = !summary.cells;
    foot.show(isCounting());
  }

  function heard(message) {
    if (message.kind === "rows") return pages.take(message);
    if (message.kind !== "done") return;
    const sent = outbox.done(message.id, model.get("version"));
    if (message.wrong && sent?.kind === "type" && backTo(sent.cells[0])) foot.say("");
    else if (message.text) foot.say(message.text, message.wrong);
    table.draw();
    showNotice();
    foot.show(isCounting());
  }

  /** Go back to a cell whose text was refused, where it is said why; not where something else is being typed by now. */
  function backTo([job, column]) {
    const row = table.active.row;
    const places = [row, row - 1, row + 1].filter((place) => pages.row(place)?.job === job);
    if (table.editor.node || !places.length) return false;
    table.go(places[0], column);
    return true;
  }

  const handlers = {
    "change:head": showHead,
    "change:version": () => table.draw(),
    "change:summary": () => {
      showSummary();
      table.draw();
    },
    "change:wanted": showSummary,
    "change:trouble": showNotice,
    "msg:custom": heard,
  };
  for (const [event, handler] of Object.entries(handlers)) model.on(event, handler);
  showHead();
  showSummary();

  const showPictures = hidePictures(model);
  const clock = setInterval(showNotice, 500);
  const here = setInterval(() => send(model, { kind: "here" }), HERE * 1000);
  send(model, { kind: "here" });
  return () => {
    clearInterval(clock);
    clearInterval(here);
    table.close();
    showPictures();
    for (const [event, handler] of Object.entries(handlers)) model.off(event, handler);
    send(model, { kind: "gone" });
  };
}

export default { render };
