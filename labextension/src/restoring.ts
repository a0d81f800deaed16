/**
 * What was opened, kept over a reload of the page.
 */

import { IStateDB } from '@jupyterlab/statedb';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { ListName } from './answers';
import { TABS } from './opened';
import { Workflows } from './workflows';

const KEY = 'torc-nb:opened';

/** Open what was opened before, and remember what is opened from now on. */
export async function restore(state: IStateDB, model: Workflows): Promise<void> {
  try {
    reopen(model, (await state.fetch(KEY)) as ReadonlyPartialJSONObject | undefined);
  } catch (error) {
    console.warn('torc_nb: what was opened is not known any more', error);
  }
  let before = '';
  model.changed.connect(() => {
    const { opened } = model;
    const results = opened?.rows('results').filtered.map;
    const now = opened && { ...opened.address, tab: opened.tab, ...opened.jobs.filtered, results };
    if (JSON.stringify(now) !== before) {
      before = JSON.stringify(now);
      void (now ? state.save(KEY, now) : state.remove(KEY));
    }
  });
}

function reopen(model: Workflows, kept: ReadonlyPartialJSONObject | undefined): void {
  const { database, id, tab, status, map, sort, order, results } = kept ?? {};
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
