import assert from 'node:assert/strict';
import { test } from 'node:test';

import { restore } from '../src/restoring';
import { Workflows } from '../src/workflows';
import { Answering } from './answering';

type State = Parameters<typeof restore>[0];

/** What a window keeps. */
class Window {
  readonly kept = new Map<string, string>();
  getItem(key: string) {
    return this.kept.get(key) ?? null;
  }
  setItem(key: string, value: string) {
    this.kept.set(key, value);
  }
}

/** What JupyterLab keeps of a workspace; `loses` what it has not written yet when the page is reloaded. */
class Workspace {
  kept: unknown;
  loses = false;
  async fetch() {
    return this.kept;
  }
  async save(_key: string, value: unknown) {
    this.kept = this.loses ? this.kept : value;
  }
  async remove() {
    this.kept = this.loses ? this.kept : undefined;
  }
}

/** Load the page. */
async function load(workspace: Workspace | null, window: Window, place = '/lab/default'): Promise<Workflows> {
  const model = new Workflows(new Answering());
  await restore(workspace as State, window, place, model);
  return model;
}

/** Open a workflow's results, and leave the page at once. */
async function open(workspace: Workspace | null, window: Window): Promise<void> {
  const model = await load(workspace, window);
  model.open({ database: 'd', id: 7 });
  model.opened!.show({ status: 'failed' });
  model.opened!.choose('results');
  model.opened!.rows('results').filter({ map: 'refine' });
  model.dispose();
}

test('what was opened is opened after a reload, be it before the workspace was written', async () => {
  for (const workspace of [new Workspace(), Object.assign(new Workspace(), { loses: true }), null]) {
    const window = new Window();
    await open(workspace, window);
    const again = await load(workspace, window);
    assert.deepEqual(again.opened?.address, { database: 'd', id: 7 });
    assert.equal(again.opened?.tab, 'results');
    assert.equal(again.opened?.jobs.filtered.status, 'failed');
    assert.equal(again.opened?.mapOfResults, 'refine');
    again.dispose();
  }
});

test('another window of the workspace opens it too; one of another workspace does not', async () => {
  const [workspace, window] = [new Workspace(), new Window()];
  await open(workspace, window);
  const other = await load(workspace, new Window());
  assert.equal(other.opened?.address.id, 7);
  other.dispose();
  const elsewhere = await load(new Workspace(), window, '/lab/else');
  assert.equal(elsewhere.opened, null);
  elsewhere.dispose();
});

test('what was closed stays closed, though the workspace was not written yet', async () => {
  const [workspace, window] = [new Workspace(), new Window()];
  await open(workspace, window);
  workspace.loses = true;
  const model = await load(workspace, window);
  model.open(null);
  model.dispose();
  const again = await load(workspace, window);
  assert.equal(again.opened, null);
  again.dispose();
});

test('a window that keeps nothing, or nonsense, leaves it to the workspace', async () => {
  const workspace = new Workspace();
  await open(workspace, new Window());
  const nonsense = { getItem: () => '{"database"', setItem: () => undefined } as unknown as Window;
  const full = {
    getItem: () => null,
    setItem: () => {
      throw new Error('QuotaExceededError');
    }
  } as unknown as Window;
  for (const window of [nonsense, full]) {
    const model = await load(workspace, window);
    assert.equal(model.opened?.address.id, 7);
    model.opened!.choose('events');
    model.dispose();
    assert.equal((workspace.kept as { tab: string }).tab, 'events');
  }
});
