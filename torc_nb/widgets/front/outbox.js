// What was typed stays here until the kernel says that it has it.

// After so many seconds without an answer it is said that one waits.
const WAITS = 1.5;

class Outbox {
  /** `changed` is called when something is sent or settled. */
  constructor(model, changed) {
    this.model = model;
    this.changed = changed;
    this.sent = new Map(); // id -> { message, at, version }
  }

  send(message) {
    const id = `${Date.now()}-${Math.random()}`;
    this.sent.set(id, { message, at: seconds(), version: null });
    send(this.model, { ...message, id });
    this.changed();
    return id;
  }

  /** The kernel has it; it is shown as waiting until rows of this version are there. */
  done(id, version) {
    const one = this.sent.get(id);
    if (one) one.version = version;
    return one?.message;
  }

  /** Rows of a version are there: what they show is no more to be shown from here. */
  settle(version) {
    for (const [id, one] of this.sent) if (one.version !== null && one.version <= version) this.sent.delete(id);
  }

  /** The text of a cell that was sent and is not shown by the kernel's rows yet. */
  text(job, column) {
    let found;
    for (const { message } of this.sent.values())
      if (message.kind === "type")
        for (const [its, where, text] of message.cells) if (its === job && where === column) found = text;
    return found;
  }

  /** How many the kernel has not answered. */
  get unanswered() {
    return [...this.sent.values()].filter((one) => one.version === null).length;
  }

  /** How many wait for an answer for long. */
  get waiting() {
    return [...this.sent.values()].filter((one) => one.version === null && seconds() - one.at > WAITS).length;
  }
}
