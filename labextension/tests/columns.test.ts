import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Row } from '../src/answers';
import { columnsOf, widths } from '../src/columns';
import { seconds } from '../src/format';

const texts = (rows: readonly Row[]) => {
  const columns = columnsOf('results', rows);
  return rows.map(row => Object.fromEntries(columns.map(column => [column.title, column.text(row)])));
};

test('parameters and results are columns; what is nested is shortened, and NaN stays one', () => {
  const [first, second] = texts([
    { job: 1, status: 'completed', params: { x: 1, grid: { n: [1, 2] } }, result: { y: 'nan', '\u00e9': null }, seconds: 0.25 },
    { job: 2, status: 'completed', params: { x: 2 }, result: 7, error: null }
  ]);
  assert.equal(first.x, '1');
  assert.equal(first.grid, '{"n":[1,2]}');
  assert.equal(first['result.y'], 'nan');
  assert.equal(first['result.\u00e9'], '');
  assert.equal(first.Runtime, '250 ms');
  assert.equal(first.result, '');
  assert.equal(second.result, '7');
  assert.equal(second.grid, '');
});

test('names and values that mean harm are one line of text, and no property of anything', () => {
  const row = JSON.parse('{"params": {"__proto__": "<b>1", "a\\u202eb": "x\\ny"}, "result": ["<script>"]}');
  const [shown] = texts([row, { params: { constructor: 5 }, result: null }]);
  const columns = columnsOf('results', [row, { params: { z: 1 }, result: null }]);
  const proto = columns.find(column => column.name === 'params.__proto__')!;
  assert.equal(proto.text(row), '<b>1');
  assert.equal(proto.text({ params: { z: 1 } }), '');
  assert.equal(shown['a\ufffdb'], 'x y');
  assert.equal(shown.result, '["<script>"]');
});

test('a column is as wide as what it holds, up to a limit, and never becomes narrower', () => {
  const columns = columnsOf('events', []);
  const wide = widths(columns, [{ kind: 'x'.repeat(500) }, { kind: 'y' }]);
  assert.equal(wide.get('kind'), 32);
  assert.equal(widths(columns, [{ kind: 'y' }], wide).get('kind'), 32);
  assert.equal(widths(columns, [{ kind: 'y' }]).get('kind'), 'What'.length + 1);
});

test('lists other than results have columns of their own', () => {
  const failure = { exception: 'ValueError', count: 3, message: 'bad', place: 'cell 1' };
  assert.deepEqual(columnsOf('failures', []).map(column => column.text(failure)), ['3 jobs: ValueError', 'bad', 'cell 1']);
  const worker = { host: 'n1', num_cpus: 5, num_gpus: 1, memory: 2 ** 31, state: 'active' };
  assert.equal(columnsOf('workers', []).find(column => column.name === 'has')!.text(worker), '5 CPUs, 1 GPU, 2.0 GiB');
  const event = { kind: 'worker joined', data: { host: 'n1', freed: [1] } };
  assert.equal(columnsOf('events', []).find(column => column.name === 'data')!.text(event), 'host: n1, freed: [1]');
  assert.deepEqual(
    columnsOf('jobs', []).filter(column => column.sorts).map(column => column.name),
    ['id', 'status', 'seconds', 'peak_memory', 'started', 'attempt', 'priority']
  );
});

test('how long something took', () => {
  assert.deepEqual([0.00001, 0.0612, 1.25, 45.4, 90, 7200, null].map(seconds), ['0 ms', '61 ms', '1.3 s', '45 s', '1.5 min', '2 h', '']);
});
