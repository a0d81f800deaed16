/**
 * The rows of a list of any length, fetched where they are looked at.
 */

import { ISignal, Signal } from '@lumino/signaling';

import { IPage, Row } from './answers';
import type { IPart } from './api';

/** So many rows are asked for at once, and pages kept. */
export const PAGE = 100;
const KEPT = 50;

/** Which rows are listed, and in which order. */
export type IFilter = Pick<IPart, 'status' | 'map' | 'sort' | 'order'>;

/** Rows by their number, whichever were seen; those on the page are kept up to date. */
export class Rows {
  constructor(private readonly _fetch: (part: IPart) => Promise<IPage>) {}

  /** Emitted where rows came. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** How many there are; null till it is known. */
  get total(): number | null {
    return this._total;
  }

  get filtered(): IFilter {
    return this._filter;
  }

  /** Why rows that were scrolled to did not come. */
  get trouble(): string | null {
    return this._trouble;
  }

  /** One row, where it was fetched. */
  get(index: number): Row | undefined {
    return this._pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** The rows on the page, and those that were fetched together with them. */
  get near(): readonly Row[] {
    return this._seenPages().flatMap(page => this._pages.get(page) ?? []);
  }

  /** The rows between two, both included, that were fetched. */
  between(first: number, last: number): Row[] {
    const found = [];
    for (let index = first; index <= last; index++) {
      const row = this.get(index);
      if (row) {
        found.push(row);
      }
    }
    return found;
  }

  /** List others, or in another order. */
  filter(filter: IFilter): void {
    const isSame = filter.status === this._filter.status && filter.map === this._filter.map;
    this._filter = filter;
    this._seen = [0, 0];
    this._total = isSame ? this._total : null;
    this._trouble = null;
    this.forget();
    this._changed.emit();
  }

  /** Say which rows are on the page; what of them is missing is fetched. */
  see(first: number, last: number): void {
    this._seen = [first, Math.max(first, last)]; // the first are asked for where none is known yet
    void this._fill();
  }

  /** Sort by a column, in the other direction where it is sorted by that one. */
  sortBy(column: string, first: 'asc' | 'desc'): void {
    const other = first === 'asc' ? 'desc' : 'asc';
    const isAgain = this.sorted.column === column && this.sorted.order === first;
    this.filter({ ...this._filter, sort: column, order: isAgain ? other : first });
  }

  /** By which column they are sorted, and in which direction. */
  get sorted(): { column: string; order: 'asc' | 'desc' } {
    return { column: this._filter.sort ?? 'id', order: this._filter.order ?? 'asc' };
  }

  /** Fetch anew what is on the page; where rows came or went, the others stand elsewhere now. */
  async refresh(): Promise<void> {
    const before = this._total;
    const seen = this._seenPages();
    await Promise.all(seen.map(page => this._page(page)));
    if (before !== null && this._total !== before) {
      const others = [...this._pages.keys()].filter(page => !seen.includes(page));
      others.forEach(page => this._pages.delete(page));
    }
    this._trouble = null;
  }

  /** What was fetched is old. */
  forget(): void {
    this._generation++;
    this._pages.clear();
    this._asked.clear();
  }

  /** Fetch what is missing, then what of the rows seen by then is: those that were scrolled past are never asked for. */
  private async _fill(): Promise<void> {
    const generation = this._generation;
    if (this._filling === generation) {
      return;
    }
    this._filling = generation;
    try {
      for (let missing = this._missing(); missing.length; missing = this._missing()) {
        await Promise.all(missing.map(page => this._page(page)));
        if (generation !== this._generation) {
          return;
        }
        this._trouble = null;
        this._changed.emit();
      }
    } catch (error) {
      this._trouble = error instanceof Error ? error.message : String(error);
      this._changed.emit();
    } finally {
      if (this._filling === generation) {
        this._filling = null;
      }
    }
  }

  private _missing(): number[] {
    return this._seenPages().filter(page => !this._pages.has(page) && !this._asked.has(page));
  }

  private async _page(page: number): Promise<void> {
    const generation = this._generation;
    this._asked.add(page);
    try {
      const got = await this._fetch({ ...this._filter, offset: page * PAGE, limit: PAGE });
      if (generation === this._generation) {
        this._keep(page, got);
      }
    } finally {
      if (generation === this._generation) {
        this._asked.delete(page);
      }
    }
  }

  private _keep(page: number, got: IPage): void {
    this._pages.delete(page); // the one that was fetched last stands last
    this._pages.set(page, got.rows);
    // Where the server does not count, there is more as long as pages are full.
    const known = page * PAGE + got.rows.length;
    const more = got.rows.length === PAGE ? 1 : 0;
    this._total = got.total ?? (more ? Math.max(this._total ?? 0, known + 1) : known);
    const [oldest] = this._pages.keys();
    if (this._pages.size > KEPT) {
      this._pages.delete(oldest);
    }
  }

  private _seenPages(): number[] {
    const [first, last] = this._seen.map(index => Math.floor(index / PAGE));
    return Array.from({ length: last - first + 1 }, (_, n) => first + n);
  }

  private _asked = new Set<number>();
  private _changed = new Signal<this, void>(this);
  private _filling: number | null = null; // the generation that is fetched
  private _filter: IFilter = {};
  private _generation = 0;
  private _pages = new Map<number, readonly Row[]>();
  private _seen: [number, number] = [0, 0];
  private _total: number | null = null;
  private _trouble: string | null = null;
}
