// The live view of a workflow. The kernel sends how it stands as plain data; here it is drawn, and what is pressed is sent.

// After how long without a word from the kernel that is said, in seconds.
const SILENT = 25;

function bar(numbers, colours, kind) {
  const label = numbers.map(([name, n]) => `${n.toLocaleString("en")} ${name}`).join(", ") || "no jobs";
  const stretches = numbers.map(([name, n]) => {
    const stretch = element("div", { class: "torc-nb-stretch", title: `${n.toLocaleString("en")} ${name}` });
    stretch.style.flexGrow = n;
    stretch.style.background = colours.get(name)[0];
    return stretch;
  });
  return element("div", { class: `torc-nb-bar ${kind}`, role: "img", "aria-label": label }, stretches);
}

function legend(numbers, colours) {
  const entries = numbers.map(([name, n]) => {
    const [colour, sentence] = colours.get(name);
    const patch = element("span", { class: "torc-nb-patch" });
    patch.style.background = colour;
    return element("li", { title: sentence }, patch, `${n.toLocaleString("en")} ${name}`);
  });
  return element("ul", { class: "torc-nb-legend" }, entries);
}

function quiet(text) {
  return text ? element("div", { class: "torc-nb-quiet" }, said(text)) : null;
}

function table(caption, heads, rows) {
  const head = element("tr", {}, heads.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map((cells) => element("tr", {}, cells.map((cell) => element("td", {}, cell))));
  return element(
    "table",
    {},
    element("caption", { class: "torc-nb-unseen" }, caption),
    element("thead", { class: "torc-nb-unseen" }, head),
    element("tbody", {}, body),
  );
}

function drawnJobs(colours) {
  return (data) =>
    data.title === undefined
      ? []
      : [
          element("div", {}, said(data.title, { class: "torc-nb-title" }), ` ${data.said.join(" · ")}`),
          bar(data.numbers, colours, "torc-nb-whole"),
          legend(data.numbers, colours),
          ...data.maps.map((map) =>
            element(
              "div",
              { class: "torc-nb-map" },
              map.name ? said(map.name, { title: map.name }) : element("i", {}, "other jobs"),
              bar(map.numbers, colours, "torc-nb-thin"),
              element("span", { class: "torc-nb-quiet", title: map.said }, map.said),
            ),
          ),
          quiet(data.more),
          ...data.notes.map(quiet),
        ].filter((child) => child !== null);
}

function drawnWorkers(data) {
  if (!data.title) return [];
  const rows = data.rows.map((worker) => [
    said(worker.host),
    worker.has,
    worker.does,
    element("span", { class: worker.silent ? "torc-nb-silent" : "" }, worker.seen),
  ]);
  const heads = ["host", "has", "does", "last sign of life"];
  return [element("div", {}, data.title), table(data.title, heads, rows), quiet(data.more)].filter(Boolean);
}

function drawnAllocations(data) {
  if (!data.lines) return [];
  return [
    ...data.lines.map((one) =>
      element("div", {}, `${one.what} `, said(one.why, { class: "torc-nb-quiet" })),
    ),
    ...data.failed.map((one) =>
      element(
        "div",
        { class: "torc-nb-alert" },
        said(one.what),
        // Scrolled to its end by how it is laid out.
        one.log
          ? element("div", { class: "torc-nb-log", tabindex: "0", role: "group", "aria-label": "end of its log" },
              element("pre", {}, said(one.log)))
          : null,
        quiet(one.path),
      ),
    ),
    quiet(data.more),
  ].filter(Boolean);
}

function drawnFailures(data) {
  if (!data.title) return [];
  const rows = data.rows.map((one) => [
    one.count,
    element("span", {}, said(one.cause, { class: "torc-nb-title" }), " ", said(one.place), element("br"), said(one.said)),
    `job ${one.job}`,
  ]);
  const heads = ["how many", "what went wrong, and where", "for example"];
  return [
    element("div", { class: "torc-nb-alert" }, data.title, table(data.title, heads, rows), quiet(data.more)),
  ];
}

function drawnTrouble(data) {
  if (!data.title) return [];
  return [element("div", { class: "torc-nb-alert" }, said(data.title), quiet(data.message))];
}

/** The buttons. Each asks before it acts; what was pressed is said until the kernel answers. */
class Buttons {
  constructor(model) {
    this.model = model;
    this.asked = null; // the offer that is being asked about
    this.sent = null; // the press that the kernel has not answered
    this.row = element("div", { class: "torc-nb-buttons", role: "group", "aria-label": "what can be done" });
    this.question = element("div", { class: "torc-nb-question" });
    this.answer = element("div", { class: "torc-nb-answer", role: "status", "aria-live": "polite" });
    this.node = element("div", {}, this.row, this.question, this.answer);
    this.question.hidden = true;
    this.drawn = "";
  }

  showOffers(offers) {
    // The numbers in the questions move; buttons stay, with their focus, as long as they are the same.
    const labels = JSON.stringify(offers.map((offer) => [offer.act, offer.label]));
    this.offers = new Map(offers.map((offer) => [offer.act, offer]));
    if (labels !== this.drawn) {
      this.drawn = labels;
      this.row.replaceChildren(
        ...offers.map((offer) =>
          element("button", { type: "button", "data-act": offer.act, onclick: () => this.ask(offer.act) }, offer.label),
        ),
      );
      this.row.hidden = offers.length === 0;
    }
    if (this.asked !== null && !this.offers.has(this.asked)) this.leave();
  }

  ask(act) {
    this.asked = act;
    const offer = this.offers.get(act);
    const number = offer.most
      ? element("input", { type: "number", min: "1", max: String(offer.most), value: "1", "aria-label": offer.unit })
      : null;
    const label = `torc-nb-question-${act}`;
    this.question.replaceChildren(
      element(
        "div",
        {
          role: "alertdialog",
          "aria-labelledby": label,
          onkeydown: (event) => {
            // JupyterLab has shortcuts of its own for keys that mean something here.
            event.stopPropagation();
            if (event.key === "Escape") this.leave();
            if (event.key === "Enter" && event.target === number) this.press(offer, number);
          },
        },
        element("span", { id: label }, said(offer.question)),
        number,
        element("button", { type: "button", "data-answer": "yes", onclick: () => this.press(offer, number) }, offer.yes),
        element("button", { type: "button", "data-answer": "no", onclick: () => this.leave() }, "No"),
      ),
    );
    this.question.hidden = false;
    (number ?? this.question.querySelector("[data-answer=no]")).focus();
  }

  leave() {
    const button = this.row.querySelector(`[data-act=${this.asked}]`);
    const had = this.question.contains(document.activeElement);
    this.asked = null;
    this.question.hidden = true;
    this.question.replaceChildren();
    if (had) button?.focus();
  }

  press(offer, number) {
    if (number !== null && !number.reportValidity()) return;
    this.sent = `${Date.now()}-${Math.random()}`;
    this.leave();
    this.say(`${offer.label}: sent to the kernel, which may finish a cell first …`);
    send(this.model, { kind: "press", press: this.sent, act: offer.act, n: number === null ? 1 : Number(number.value) });
  }

  /** Show what the kernel answered, be it to this page or to another one. */
  showAnswer(answer) {
    if (answer.text) this.say(answer.text, answer.wrong);
  }

  say(text, wrong = false) {
    this.answer.className = wrong ? "torc-nb-answer torc-nb-alert" : "torc-nb-answer";
    this.answer.replaceChildren(said(text));
  }
}

/** Tell the kernel that somebody looks, as long as the view is on the page. */
function looking(model, el) {
  let wasThere = false;
  const tell = () => {
    if (!el.isConnected && wasThere) return stop();
    wasThere ||= el.isConnected;
    send(model, { kind: "here" });
  };
  const timer = setInterval(tell, HERE * 1000);
  const seen = () => document.visibilityState === "visible" && tell();
  document.addEventListener("visibilitychange", seen);
  function stop() {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", seen);
  }
  tell();
  return stop;
}

function render({ model, el }) {
  el.classList.add("torc-nb-live");
  const colours = new Map(model.get("statuses").map(([name, colour, sentence]) => [name, [colour, sentence]]));
  const parts = {
    trouble: part("div", { role: "alert" }, drawnTrouble),
    jobs: part("div", { role: "group", "aria-label": "jobs" }, drawnJobs(colours)),
    workers: part("div", { role: "group", "aria-label": "workers" }, drawnWorkers),
    allocations: part("div", { role: "group", "aria-label": "allocations" }, drawnAllocations),
    failures: part("div", { role: "group", "aria-label": "failures" }, drawnFailures),
  };
  const buttons = new Buttons(model);
  const silence = element("div", { class: "torc-nb-alert", role: "status" });
  silence.hidden = true;
  el.append(...Object.values(parts).map((one) => one.node), silence, buttons.node);

  let heard = seconds();
  const show = (name) => () => {
    heard = seconds();
    parts[name].show(model.get(name));
  };
  const handlers = Object.fromEntries(Object.keys(parts).map((name) => [`change:${name}`, show(name)]));
  handlers["change:offers"] = () => buttons.showOffers(model.get("offers"));
  handlers["change:answer"] = () => buttons.showAnswer(model.get("answer"));
  handlers["change:looks"] = () => (heard = seconds());
  for (const [event, handler] of Object.entries(handlers)) {
    model.on(event, handler);
    handler();
  }

  const checking = setInterval(() => {
    const isSilent = !model.get("over") && seconds() - heard > SILENT;
    if (isSilent && silence.hidden) {
      const last = new Date(Date.now() - (seconds() - heard) * 1000).toLocaleTimeString();
      silence.textContent = `No word from the kernel since ${last}: what stands here may be old. Run the cell again.`;
    }
    silence.hidden = !isSilent;
  }, 1000);
  const stopLooking = looking(model, el);
  const showPictures = hidePictures(model);

  return () => {
    stopLooking();
    showPictures();
    clearInterval(checking);
    for (const [event, handler] of Object.entries(handlers)) model.off(event, handler);
    send(model, { kind: "gone" });
  };
}

export default { render };
