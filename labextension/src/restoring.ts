/**
 * What was opened, kept over a reload of the page.
 */

import { IStateDB } from '@jupyterlab/statedb';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { ListName } from './answers';
import { TABS } from './opened';
import { Workflows } from './workflows';

const KEY = 'torc-nb:opened';

/** Keeps a text for as long as a window is open. */
export type IWindowStorage = Pick<Storage, 'getItem' | 'setItem'>;

/**
 * Open what was opened before, and remember what is opened from now on.
 *
 * JupyterLab keeps the state of a workspace on its server, for other windows too, but writes it only when nothing has
 * changed for most of a second: a page that is reloaded sooner would forget. So the window itself keeps it as well.
 */
export async function restore(state: IStateDB | null, storage: IWindowStorage, place: string, model: Workflows): Promise<void> {
  const key = `${KEY}:${place}`;
  try {
    reopen(model, fromWindow(storage, key) ?? (await state?.fetch(KEY)));
  } catch (error) {
    console.warn('torc_nb: what was opened is not known any more', error);
  }
  let before = '';
  model.changed.connect(() => {
    const { opened } = model;
    const results = opened?.rows('results').filtered.map;
    const now = opened ? { ...opened.address, tab: opened.tab, ...opened.jobs.filtered, results } : {};
    if (JSON.stringify(now) !== before) {
      before = JSON.stringify(now);
      intoWindow(storage, key, before);
      void (opened ? state?.save(KEY, now) : state?.remove(KEY));
    }
  });
}

/** What this window had opened: an empty object where nothing was, undefined where it knows nothing. */
function fromWindow(storage: IWindowStorage, key: string): ReadonlyPartialJSONObject | undefined {
  try {
    return JSON.parse(storage.getItem(key) ?? 'null') ?? undefined;
  } catch {
    return undefined; // what stands there was not written by us
  }
}

function intoWindow(storage: IWindowStorage, key: string, text: string): void {
  try {
    storage.setItem(key, text);
  } catch {
    // a browser may have no room, or may be told to keep nothing; the workspace still does
  }
}

function reopen(model: Workflows, kept: unknown): void {
  const { database, id, tab, status, map, sort, order, results } = (kept ?? {}) as ReadonlyPartialJSONObject;
  if (typeof database === 'string' && typeof id === 'number') {
    model.open({ database, id });
    const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
    const filter = { status: text(status), map: text(map), sort: text(sort) };
    model.opened!.jobs.filter({ ...filter, order: order === 'desc' ? 'desc' : undefined });
    model.opened!.rows('results').filter({ map: text(results) });
    if (TABS.includes(tab as ListName)) {
      model.opened!.choose(tab as ListName);
    }
  }
}
