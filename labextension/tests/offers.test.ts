import assert from 'node:assert/strict';
import { test } from 'node:test';

import { IOverview, IWorkflow } from '../src/answers';
import { offers } from '../src/offers';
import { filtered, isMoving } from '../src/workflows';
import { workflow } from './answering';

const acts = (one: IWorkflow, overview?: Partial<IOverview>) =>
  offers(one, overview as IOverview).map(offer => offer.action.act);

test('only what makes sense is offered', () => {
  const fresh = workflow({ state: 'created', statuses: { uninitialized: 5 }, total: 5 });
  assert.deepEqual(acts(fresh), ['start', 'run', 'reinitialize', 'cancel']);
  const done = workflow({ statuses: { completed: 4, failed: 1 }, total: 5, finished: 5, is_done: true });
  assert.deepEqual(acts(done), ['rerun', 'reinitialize']);
  assert.deepEqual(acts(workflow({ total: 0 })), []);
  const paused = workflow({ state: 'paused', statuses: { ready: 5 }, total: 5 });
  assert.deepEqual(acts(paused), ['resume', 'run', 'reinitialize', 'cancel']);
});

test('nodes where there is Slurm, else what to do; nothing where one may only read', () => {
  const half = workflow({ statuses: { completed: 4, ready: 1 }, total: 5, finished: 4 });
  assert.deepEqual(acts(half, { has_slurm: true }), ['pause', 'run', 'schedule-nodes', 'reinitialize', 'cancel']);
  const missing = offers(half, { has_slurm: false } as IOverview).find(one => one.action.act === 'schedule-nodes');
  assert.match(missing!.missing!, /no Slurm .* login node/);
  assert.deepEqual(acts(half, { read_only: true, has_slurm: true }), []);
});

test('the question says how many', () => {
  const [, , , cancel] = offers(workflow({ statuses: { ready: 1200 }, total: 1200 }));
  assert.match(cancel.question, /^Cancel 1,200 jobs that have not finished/);
});

test('a filter takes words of name and user', () => {
  const all = [workflow({ name: 'Wing sweep' }), workflow({ name: 'beam', is_done: true, total: 1 })];
  assert.deepEqual(filtered(all, 'sweep ada', true).map(one => one.name), ['Wing sweep']);
  assert.deepEqual(filtered(all, '', false).map(one => one.name), ['Wing sweep']);
});

test('what was started and is not done moves', () => {
  assert.equal(isMoving(workflow({ total: 1 })), true);
  assert.equal(isMoving(workflow({ total: 1, is_done: true })), false);
  assert.equal(isMoving(workflow({ total: 1, state: 'created' })), false);
  assert.equal(isMoving(workflow({ total: 1, state: 'paused', statuses: { ready: 1 } })), false);
  assert.equal(isMoving(workflow({ total: 2, state: 'paused', statuses: { ready: 1, running: 1 } })), true);
});
