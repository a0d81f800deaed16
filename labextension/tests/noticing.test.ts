import assert from 'node:assert/strict';
import { test } from 'node:test';

import { INews, Kind, Noticing, sentence } from '../src/noticing';
import { Told } from '../src/told';
import { Workflows } from '../src/workflows';
import { Answering, workflow } from './answering';

const running = workflow({ total: 4, finished: 1, statuses: { completed: 1, running: 3 } });
const failing = workflow({ total: 4, finished: 2, statuses: { completed: 1, failed: 1, running: 2 } });
const ended = workflow({ total: 4, finished: 4, statuses: { completed: 3, failed: 1 }, is_done: true });

/** What windows of one browser keep together. */
function storage() {
  const kept = new Map<string, string>();
  return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
}

/** A window that looks where it is told to. */
class Window {
  readonly server = new Answering();
  readonly model = new Workflows(this.server);
  readonly news: INews[] = [];
  readonly noticing: Noticing;

  constructor(kept = storage()) {
    this.noticing = new Noticing(this.model, new Told(kept));
    this.noticing.happened.connect((_, news) => this.news.push(news));
    this.model.start();
  }

  async sees(...found: ReturnType<typeof workflow>[]): Promise<Kind[]> {
    this.server.found = found;
    await this.model.refresh();
    await new Promise(resolve => setTimeout(resolve, 5)); // another moment, by the clock too
    return this.news.splice(0).map(one => one.kind);
  }
}

test('a workflow that was seen unfinished first fails, and ends: each is told once', async () => {
  const one = new Window();
  assert.deepEqual(await one.sees(running), []);
  assert.deepEqual(await one.sees(failing), ['failed']);
  assert.deepEqual(await one.sees({ ...failing, statuses: { completed: 1, failed: 2, running: 1 } }), []);
  assert.deepEqual(await one.sees(ended), ['ended']);
  assert.deepEqual(await one.sees({ ...ended }), []);
  one.model.dispose();
});

test('what ended, or had failed, before the page was opened is not told', async () => {
  const one = new Window();
  assert.deepEqual(await one.sees(ended, { ...failing, id: 2 }), []);
  assert.deepEqual(await one.sees({ ...ended }, { ...failing, id: 2, finished: 3 }), []);
  one.model.dispose();
});

test('of several windows one tells it, whichever looks first, and again when it ends again', async () => {
  const kept = storage();
  const [one, other, late] = [new Window(kept), new Window(kept), new Window(kept)];
  for (const window of [one, other, late]) {
    assert.deepEqual(await window.sees(running), []);
  }
  assert.deepEqual(await one.sees(ended), ['ended']);
  assert.deepEqual(await other.sees(ended), []);
  assert.deepEqual(await other.sees(running), []);
  assert.deepEqual(await one.sees({ ...running }), []);
  assert.deepEqual(await other.sees({ ...ended }), ['ended']);
  assert.deepEqual(await one.sees({ ...ended }), []);
  assert.deepEqual(await late.sees({ ...ended }), []); // it slept meanwhile
  [one, other, late].forEach(window => window.model.dispose());
});

test('each kind is told only where it is wanted', async () => {
  const one = new Window();
  one.noticing.wanted = new Set<Kind>(['ended']);
  await one.sees(running);
  assert.deepEqual(await one.sees(failing), []);
  one.noticing.wanted = new Set<Kind>();
  assert.deepEqual(await one.sees(ended), []);
  one.model.dispose();
});

test('the sentence says which, and how it stands; a name is one line', () => {
  assert.equal(sentence({ kind: 'ended', workflow: ended }), 'Workflow sweep has ended: 3 of 4 completed, 1 failed');
  const named = { ...failing, name: '<b>\n' + 'x'.repeat(99) };
  assert.match(sentence({ kind: 'failed', workflow: named }), /^Workflow <b> x{36}… has failed jobs: 1 of 4 completed, 1 failed/);
  assert.match(sentence({ kind: 'ended', workflow: { ...ended, state: 'canceled' } }), /was canceled/);
});
