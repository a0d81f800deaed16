/**
 * One workflow, looked at closely.
 */

import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import { IAction, IAddress, IDone, ILogs, IOverview, IPage, ListName } from './answers';
import type { IApi, IPart } from './api';
import { IFilter, Rows } from './rows';

/** The tabs, in their order. */
export const TABS: readonly ListName[] = ['maps', 'jobs', 'results', 'failures', 'workers', 'allocations', 'events'];

/** Of a workflow without maps. */
const NO_RESULTS: IPage = { rows: [], total: 0, limit: 0, offset: 0 };

/** Among so many maps the one is chosen whose results are shown. */
const MOST_MAPS = 1000;

/** A job whose output is read. */
export interface IReading {
  readonly job: number;
  readonly logs: ILogs | null;
}

/** Asks how a workflow stands, and for what its chosen tab shows. */
export class OpenedWorkflow {
  constructor(
    private readonly _api: IApi,
    readonly address: IAddress,
    interval: number
  ) {
    this._poll = new Poll({
      auto: false,
      factory: () => this._look(),
      frequency: { interval, backoff: true, max: 30_000 },
      name: 'torc-nb:workflow',
      standby: () => (this._isSeen ? 'when-hidden' : true)
    });
    void this._poll.start();
  }

  /** The rows of one of its lists. */
  rows(list: ListName): Rows {
    const known = this._rows.get(list);
    if (known) {
      return known;
    }
    const ask = (part: IPart) => (list === 'results' ? this._results(part) : this._api.list(this.address, list, part));
    const rows = new Rows(async part => {
      const page = await ask(part);
      this._answered = Date.now();
      return page;
    });
    rows.changed.connect(() => this._changed.emit());
    this._rows.set(list, rows);
    return rows;
  }

  /** The rows of its jobs. */
  get jobs(): Rows {
    return this.rows('jobs');
  }

  /** The map whose results are shown: the one that was chosen, else the first. */
  get mapOfResults(): string | undefined {
    return this.rows('results').filtered.map ?? this._maps[0];
  }

  /** The names of its maps, as far as they were fetched. */
  get maps(): readonly string[] {
    return this._maps;
  }

  /** Emitted where anything changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** How it stands; null till the first answer. */
  get overview(): IOverview | null {
    return this._overview;
  }

  /** Why the last question was not answered, and when one was, in milliseconds since the epoch. */
  get trouble(): string | null {
    return this._trouble;
  }

  get answered(): number | null {
    return this._answered;
  }

  get tab(): ListName {
    return this._tab;
  }

  /** The job whose output is read. */
  get reading(): IReading | null {
    return this._reading;
  }

  /** Whether it is on the page. */
  look(seen: boolean): void {
    this._isSeen = seen;
    if (seen) {
      void this._poll.refresh();
    }
  }

  /** Ask now. */
  refresh(): void {
    void this._poll.refresh();
  }

  /** Choose a tab. */
  choose(tab: ListName): void {
    if (tab !== this._tab || this._reading) {
      this._tab = tab;
      this._reading = null;
      this._changed.emit();
      void this._poll.refresh();
    }
  }

  /** Show the jobs of a status, or of a map, in the order in which jobs are shown. */
  show(filter: Pick<IFilter, 'status' | 'map'>): void {
    const { sort, order } = this.jobs.filtered;
    this.jobs.filter({ ...(sort && { sort, order }), ...filter });
    this.choose('jobs');
  }

  /** Read what a job printed; null goes back to the list. */
  read(job: number | null): void {
    this._reading = job === null ? null : { job, logs: null };
    this._changed.emit();
    if (job !== null) {
      void this._poll.refresh();
    }
  }

  /** Do something about it. */
  async act(action: IAction): Promise<IDone> {
    const done = await this._api.act(this.address, action);
    if (!action.dry_run && !this._poll.isDisposed) {
      void this._poll.refresh();
    }
    return done;
  }

  dispose(): void {
    this._poll.dispose();
    Signal.clearData(this);
  }

  private async _look(): Promise<void> {
    try {
      const [overview] = await Promise.all([this._api.overview(this.address), this._ask()]);
      this._overview = overview;
      this._trouble = null;
      this._answered = Date.now();
    } catch (error) {
      this._trouble = error instanceof Error ? error.message : String(error);
      throw error; // the poll waits longer then
    } finally {
      if (!this._poll.isDisposed) {
        this._changed.emit();
      }
    }
  }

  /** Ask for what is seen beside the overview. */
  private async _ask(): Promise<void> {
    const { _reading: reading, _tab: tab } = this;
    if (reading) {
      const logs = await this._api.logs(this.address, reading.job);
      if (this._reading?.job === reading.job) {
        this._reading = { job: reading.job, logs };
      }
    } else {
      await this.rows(tab).refresh();
    }
  }

  /** Results are of a map; which maps there are is asked where none is known. */
  private async _results(part: IPart): Promise<IPage> {
    if (!this._maps.length || !part.offset) {
      const { rows } = await this._api.list(this.address, 'maps', { limit: MOST_MAPS });
      this._maps = rows.map(row => String(row.name)).filter(Boolean);
    }
    const map = part.map ?? this._maps[0];
    return map === undefined ? NO_RESULTS : this._api.list(this.address, 'results', { ...part, map });
  }

  private _answered: number | null = null;
  private _changed = new Signal<this, void>(this);
  private _isSeen = false;
  private _maps: readonly string[] = [];
  private _overview: IOverview | null = null;
  private _poll: Poll;
  private _reading: IReading | null = null;
  private _rows = new Map<ListName, Rows>();
  private _tab: ListName = 'maps';
  private _trouble: string | null = null;
}
