/**
 * The workflows of all databases, and which one is opened.
 */

import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import { IAddress, IDatabase, IWorkflow, same } from './answers';
import type { IApi } from './api';
import { OpenedWorkflow } from './opened';

/** How often is asked, in milliseconds: while nothing moves or nobody looks, and while neither does. */
const STILL = 10_000;
const UNSEEN = 60_000;

/** The longest pause between two questions that are not answered. */
const PATIENCE = 30_000;

/** A sentence about what was done. */
export interface ISaid {
  readonly text: string;
  readonly isWrong: boolean;
}

/** Asks the server how workflows stand, as long as anybody may look; keeps the last answer where it gives none. */
export class Workflows {
  constructor(private readonly _api: IApi) {
    this._poll = new Poll({
      auto: false,
      factory: () => this._look(),
      frequency: { interval: this._interval, backoff: true, max: PATIENCE },
      name: 'torc-nb:workflows',
      standby: 'when-hidden'
    });
  }

  /** Begin to ask. */
  start(): void {
    void this._poll.start();
  }

  /** All workflows, as the server ordered them; null till it answered for the first time. */
  get all(): readonly IWorkflow[] | null {
    return this._all;
  }

  /** What is wrong, while the last question was not answered; what is shown is old then. */
  get trouble(): string | null {
    return this._trouble;
  }

  /** When the server answered last, in milliseconds since the epoch. */
  get answered(): number | null {
    return this._answered;
  }

  /** When that was asked which the server answered last. */
  get asked(): number {
    return this._asked;
  }

  /** The workflow that is opened. */
  get opened(): OpenedWorkflow | null {
    return this._opened;
  }

  /** What was done last, or why it was not. */
  get said(): ISaid | null {
    return this._said;
  }

  /** Say what was done. */
  say(said: ISaid | null): void {
    this._said = said;
    this._changed.emit();
  }

  /** Emitted where any of this changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The databases, by their names. */
  get databases(): ReadonlyMap<string, IDatabase> {
    return this._databases;
  }

  /** How often to ask while something moves, in milliseconds. */
  set interval(milliseconds: number) {
    this._interval = milliseconds;
    this._pace();
  }

  /** Whether the panel is on the page. */
  set isSeen(seen: boolean) {
    if (seen !== this._isSeen) {
      this._isSeen = seen;
      this._pace();
      if (seen) {
        void this.refresh();
      }
      this._opened?.look(seen);
    }
  }

  /** Open one; null goes back to the list. */
  open(of: IAddress | null): void {
    if (same(of, this._opened?.address ?? null)) {
      return;
    }
    this._opened?.dispose();
    this._said = null;
    this._opened = of && new OpenedWorkflow(this._api, { database: of.database, id: of.id }, this._interval);
    this._opened?.changed.connect(() => this._changed.emit());
    this._opened?.look(this._isSeen);
    this._changed.emit();
  }

  /** What the list says of a workflow. */
  find(of: IAddress): IWorkflow | null {
    return this._all?.find(one => same(one, of)) ?? null;
  }

  /** Ask now; resolves when it was answered, or was not. */
  async refresh(): Promise<void> {
    this._opened?.refresh();
    await this._poll.refresh();
    await this._poll.tick.catch(() => undefined);
  }

  dispose(): void {
    this._opened?.dispose();
    this._poll.dispose();
    Signal.clearData(this);
  }

  private async _look(): Promise<void> {
    try {
      const asked = Date.now();
      const [found, databases] = await Promise.all([this._api.workflows(), this._api.databases()]);
      const isNew = found !== null || databases !== null || this._trouble !== null;
      this._databases = databases ? new Map(databases.map(one => [one.id, one])) : this._databases;
      this._all = found ?? this._all;
      this._asked = asked;
      this._trouble = null;
      this._answered = Date.now();
      this._pace();
      if (isNew) {
        this._changed.emit();
      }
    } catch (error) {
      this._trouble = error instanceof Error ? error.message : String(error);
      this._changed.emit();
      throw error; // the poll waits longer then
    }
  }

  private _pace(): void {
    const moves = this._all?.some(one => isMoving(one)) ?? true;
    const still = Math.max(STILL, this._interval);
    const interval = this._isSeen ? (moves ? this._interval : still) : moves ? still : UNSEEN;
    if (interval !== this._poll.frequency.interval) {
      this._poll.frequency = { ...this._poll.frequency, interval, max: Math.max(PATIENCE, interval) };
    }
  }

  private _all: readonly IWorkflow[] | null = null;
  private _answered: number | null = null;
  private _asked = 0;
  private _changed = new Signal<this, void>(this);
  private _databases: ReadonlyMap<string, IDatabase> = new Map();
  private _interval = 2000;
  private _isSeen = false;
  private _opened: OpenedWorkflow | null = null;
  private _poll: Poll;
  private _said: ISaid | null = null;
  private _trouble: string | null = null;
}

/** Whether jobs of a workflow run, or may begin to. */
export function isMoving(one: IWorkflow): boolean {
  const runs = (one.statuses.running ?? 0) + (one.statuses.pending ?? 0) > 0;
  return (one.state === 'started' && !one.is_done && one.total > 0) || (one.state === 'paused' && runs);
}

/** The workflows that a filter leaves. */
export function filtered(all: readonly IWorkflow[], text: string, finished: boolean): readonly IWorkflow[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (one: IWorkflow) => words.every(word => `${one.name} ${one.user}`.toLowerCase().includes(word));
  return all.filter(one => matches(one) && (finished || !one.is_done || one.total === 0));
}
