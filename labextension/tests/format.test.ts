import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cell, clock, line, lines, memory, progress, table } from '../src/format';
import { counted, statusOf } from '../src/statuses';

test('what jobs do, in one sentence', () => {
  const counts = { completed: 312, failed: 3, running: 2, ready: 49683 };
  assert.equal(progress(counts, 50_000), '312 of 50,000 completed, 3 failed, 2 running');
  assert.equal(progress({}, 0), 'no jobs yet');
});

test('statuses stand in the order of a bar, those of a newer version last', () => {
  const names = counted({ melted: 1, ready: 2, completed: 3, failed: 0 }).map(([status]) => status.name);
  assert.deepEqual(names, ['completed', 'ready', 'melted']);
  assert.equal(statusOf('melted').colour, '#9a9a9a');
});

test('whatever was written is one harmless line, and cut', () => {
  assert.equal(line('a\n\t b\u202etxt\u0000\u001b[2J'), 'a b\ufffdtxt\ufffd\ufffd[2J');
  assert.equal(line('x'.repeat(10_000_000)).length, 301);
  assert.equal(line(null), '');
  assert.equal(line({ a: [1] }), '{"a":[1]}');
});

test('output keeps its lines, and nothing that a terminal obeys', () => {
  assert.equal(lines('a\r\n\tb\u001b[31m'), 'a\n\tb\ufffd[31m');
});

test('a time of today has seconds, an earlier one its day', () => {
  const now = new Date(2026, 10, 25, 12, 0, 0);
  assert.equal(clock(new Date(2026, 10, 25, 9, 5, 7).getTime() / 1000, now), '09:05:07');
  assert.equal(clock(new Date(2026, 9, 1, 9, 5, 7).toISOString(), now), '2026-10-01 09:05');
  assert.equal(clock(null), '');
  assert.equal(clock('yesterday'), '');
});

test('memory in units that people read', () => {
  assert.equal(memory(25_276_502_016), '24 GiB');
  assert.equal(memory(1536), '1.5 KiB');
  assert.equal(memory(0), '');
});

test('rows that a spreadsheet takes: no cell breaks the table', () => {
  assert.equal(table(['id', 'note'], [{ id: 1, note: 'a\tb\nc' }, { id: 2 }]), 'id\tnote\n1\ta b c\n2\t');
});

test('the cell that opens a workflow is Python, whatever its name, and has no password', () => {
  const source = cell('it"s\n\\', 'postgresql://ada:***@host/db');
  assert.equal(
    source,
    'from torc_nb import Workflow\n\nwf = Workflow("it\\"s\\n\\\\", db="postgresql://ada@host/db")\nwf'
  );
});
