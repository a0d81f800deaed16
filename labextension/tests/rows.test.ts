import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OpenedWorkflow } from '../src/opened';
import type { IPart } from '../src/api';
import { PAGE, Rows } from '../src/rows';
import { Answering, page } from './answering';

const settled = () => new Promise(resolve => setTimeout(resolve, 20));

test('a column is sorted by in its first direction, then in the other', async () => {
  const asked: IPart[] = [];
  const rows = new Rows(async part => {
    asked.push(part);
    return page(part, 3);
  });
  rows.filter({ status: 'failed' });
  assert.deepEqual(rows.sorted, { column: 'id', order: 'asc' });
  rows.sortBy('seconds', 'desc');
  assert.deepEqual(rows.sorted, { column: 'seconds', order: 'desc' });
  rows.sortBy('seconds', 'desc');
  rows.see(0, 2);
  await settled();
  assert.deepEqual(asked, [{ status: 'failed', sort: 'seconds', order: 'asc', offset: 0, limit: PAGE }]);
  rows.sortBy('id', 'asc');
  assert.deepEqual(rows.sorted, { column: 'id', order: 'asc' });
  rows.sortBy('id', 'asc');
  assert.deepEqual(rows.sorted, { column: 'id', order: 'desc' });
});

test('where rows come, those that stand elsewhere now are fetched again', async () => {
  let total = 400;
  const rows = new Rows(async part => page(part, total));
  rows.see(0, 10);
  await settled();
  rows.see(250, 260);
  await settled();
  assert.equal(rows.get(5)?.id, 5);
  total = 401;
  await rows.refresh();
  assert.equal(rows.get(5), undefined);
  assert.equal(rows.get(255)?.id, 255);
  assert.equal(rows.near.length, PAGE);
});

test('what was scrolled past while a page was on its way is never asked for', async () => {
  const answers: (() => void)[] = [];
  const asked: (number | undefined)[] = [];
  const rows = new Rows(part => {
    asked.push(part.offset);
    return new Promise(resolve => answers.push(() => resolve(page(part, 100_000))));
  });
  for (let first = 0; first < 100_000; first += 1000) {
    rows.see(first, first + 10);
  }
  assert.deepEqual(asked, [0]);
  answers.forEach(answer => answer());
  await settled();
  assert.deepEqual(asked, [0, 99_000]);
});

test('results are those of the first map, till another is chosen', async () => {
  const server = new Answering();
  const opened = new OpenedWorkflow(server, { database: 'd', id: 1 }, 1000);
  const rows = opened.rows('results');
  rows.see(0, 10);
  await settled();
  assert.deepEqual(opened.maps, ['run', 'refine']);
  assert.equal(opened.mapOfResults, 'run');
  rows.filter({ map: 'refine' });
  rows.see(0, 10);
  await settled();
  assert.equal(opened.mapOfResults, 'refine');
  const maps = server.lists.filter(([name]) => name === 'results').map(([, part]) => part.map);
  assert.deepEqual(maps, ['run', 'refine']);
  opened.dispose();
});
