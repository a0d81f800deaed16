import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Rows, PAGE } from '../src/rows';
import { firstRow, scrollOf } from '../src/scrolling';
import { Workflows } from '../src/workflows';
import { Answering, page, workflow } from './answering';

const settled = () => new Promise(resolve => setTimeout(resolve, 20));

test('what was answered last stays, marked as old, until there is an answer again', async () => {
  const server = new Answering();
  server.found = [workflow({ total: 2 })];
  const model = new Workflows(server);
  model.start();
  await model.refresh();
  assert.equal(model.all?.length, 1);
  assert.equal(model.databases.get('d')?.place, '/home/ada/.torc/torc.db');
  server.found = new Error('The Jupyter server does not answer.');
  await model.refresh();
  assert.equal(model.trouble, 'The Jupyter server does not answer.');
  assert.equal(model.all?.length, 1);
  server.found = null; // nothing changed
  await model.refresh();
  assert.equal(model.trouble, null);
  assert.equal(model.all?.length, 1);
  model.dispose();
});

test('an answer that says nothing new draws nothing', async () => {
  const server = new Answering();
  const model = new Workflows(server);
  model.start();
  await model.refresh();
  server.found = null;
  let drawn = 0;
  model.changed.connect(() => drawn++);
  await model.refresh();
  assert.ok(server.asked >= 2);
  assert.equal(drawn, 0);
  model.dispose();
});

test('one is opened, its jobs are filtered, an output is read, and something is done', async () => {
  const server = new Answering();
  const model = new Workflows(server);
  model.isSeen = true;
  model.open({ database: 'd', id: 1 });
  const opened = model.opened!;
  opened.show({ status: 'failed' });
  await settled();
  assert.equal(opened.tab, 'jobs');
  assert.deepEqual(opened.jobs.filtered, { status: 'failed' });
  assert.equal(opened.jobs.total, 3);
  opened.read(2);
  await settled();
  assert.equal(opened.reading?.logs?.stdout, 'hello');
  assert.equal((await opened.act({ act: 'cancel' })).said, 'done');
  assert.deepEqual(server.acts, [{ act: 'cancel' }]);
  model.open(null);
  assert.equal(model.opened, null);
  model.dispose();
});

test('rows are fetched where they are looked at, once, and few are kept', async () => {
  const asked: number[] = [];
  const rows = new Rows(async part => {
    asked.push(part.offset!);
    return page(part, 1_000_000);
  });
  rows.see(0, 30);
  rows.see(5, 35);
  await settled();
  assert.deepEqual(asked, [0]);
  assert.equal(rows.total, 1_000_000);
  rows.see(999_950, 999_980);
  await settled();
  assert.equal(rows.get(999_960)?.id, 999_960);
  assert.equal(rows.get(500_000), undefined);
  for (let n = 1; n <= 61; n++) {
    rows.see(n * PAGE, n * PAGE);
    await settled();
  }
  assert.equal(rows.get(0), undefined);
  assert.deepEqual(rows.between(61 * PAGE, 61 * PAGE + 1).map(row => row.id), [6100, 6101]);
});

test('rows that were scrolled past while others came are not asked for', async () => {
  const asked: number[] = [];
  const waiting: (() => void)[] = [];
  const rows = new Rows(part => {
    asked.push(part.offset!);
    return new Promise(resolve => waiting.push(() => resolve(page(part, 1_000_000))));
  });
  for (let n = 0; n <= 500; n++) {
    rows.see(n * PAGE, n * PAGE + 30);
  }
  waiting[0]();
  await settled();
  assert.deepEqual(asked, [0, 500 * PAGE]);
  waiting[1]();
  await settled();
  assert.equal(rows.get(500 * PAGE)?.id, 500 * PAGE);
});

test('the first rows are asked for where none is on the page yet', async () => {
  const rows = new Rows(async part => page(part, 4));
  rows.filter({ status: 'failed' });
  rows.see(0, -1);
  await settled();
  assert.equal(rows.total, 4);
});

test('an answer to an older question is not taken for one to the newer', async () => {
  const waiting: (() => void)[] = [];
  const rows = new Rows(
    part => new Promise(resolve => waiting.push(() => resolve(page(part, part.status ? 1 : 500))))
  );
  rows.see(0, 10);
  rows.filter({ status: 'failed' });
  rows.see(0, 0);
  waiting[1]();
  await settled();
  waiting[0]();
  await settled();
  assert.equal(rows.total, 1);
});

test('rows that do not come say why', async () => {
  const rows = new Rows(async () => {
    throw new Error('The database does not answer.');
  });
  rows.see(0, 10);
  await settled();
  assert.equal(rows.trouble, 'The database does not answer.');
});

test('first and last row of a million are reached, and each that is scrolled to stands first', () => {
  const [seen, total, height] = [400, 1_000_000, 22];
  assert.equal(firstRow(0, seen, total, height).first, 0);
  const end = firstRow(8_000_000 - seen, seen, total, height);
  assert.ok(end.first + seen / height >= total - 1);
  for (const index of [1, 1000, 654_321]) {
    assert.ok(Math.abs(firstRow(scrollOf(index, seen, total, height), seen, total, height).first - index) <= 1);
  }
  assert.equal(firstRow(220, 400, 100, 22).first, 10);
});
