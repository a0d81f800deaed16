/**
 * What stands in the columns of each list, as text.
 */

import { ListName, Row } from './answers';
import { clock, count, line, memory, seconds } from './format';

/** A column. */
export interface IColumn {
  /** By which the server sorts it, where it can. */
  readonly name: string;
  readonly title: string;
  readonly text: (row: Row) => string;
  /** In which direction it is sorted first; columns without are not sorted by. */
  readonly sorts?: 'asc' | 'desc';
  readonly isFigure?: boolean;
}

/** No column is wider or narrower, in characters. */
const WIDEST = 32;
const NARROWEST = 3;

/** So many characters are as wide as the mark of the column by which rows are sorted. */
const MARK = 3;

/** The columns of a list; those of results are found in its rows. */
export function columnsOf(list: ListName, rows: readonly Row[]): readonly IColumn[] {
  return list === 'results' ? resultColumns(rows) : (COLUMNS[list] ?? []);
}

/** How wide each column is, in characters: as what it holds, and never narrower than before. */
export function widths(
  columns: readonly IColumn[],
  rows: readonly Row[],
  before: ReadonlyMap<string, number> = new Map()
): ReadonlyMap<string, number> {
  return new Map(
    columns.map(column => {
      const title = column.title.length + (column.sorts ? MARK : 1);
      const longest = Math.max(title, ...rows.map(row => column.text(row).length + 1));
      return [column.name, Math.max(before.get(column.name) ?? NARROWEST, Math.min(longest, WIDEST))];
    })
  );
}

const COLUMNS: Partial<Record<ListName, readonly IColumn[]>> = {
  jobs: [
    { name: 'id', title: 'Job', text: plain('id'), sorts: 'asc', isFigure: true },
    { name: 'status', title: 'Status', text: plain('status'), sorts: 'asc' },
    { name: 'name', title: 'Name', text: plain('name') },
    { name: 'seconds', title: 'Runtime', text: row => seconds(row.seconds), sorts: 'desc', isFigure: true },
    { name: 'peak_memory', title: 'Memory', text: row => memory(row.peak_memory as number), sorts: 'desc', isFigure: true },
    { name: 'started', title: 'Started', text: row => clock(row.started as number), sorts: 'desc' },
    { name: 'map', title: 'Map', text: row => line(row.map ?? row.command ?? '') },
    { name: 'note', title: 'Note', text: plain('note') },
    { name: 'attempt', title: 'Attempt', text: plain('attempt'), sorts: 'desc', isFigure: true },
    { name: 'priority', title: 'Priority', text: plain('priority'), sorts: 'desc', isFigure: true }
  ],
  failures: [
    { name: 'exception', title: 'Failure', text: row => `${count(Number(row.count), 'job')}: ${line(row.exception)}` },
    { name: 'message', title: 'Message', text: plain('message') },
    { name: 'place', title: 'Where', text: plain('place') }
  ],
  workers: [
    { name: 'host', title: 'Host', text: plain('host') },
    { name: 'state', title: 'State', text: plain('state') },
    { name: 'has', title: 'Has', text: has },
    { name: 'started', title: 'Started', text: row => clock(row.started as number) },
    { name: 'last_seen', title: 'Seen', text: row => clock(row.last_seen as number) },
    { name: 'pid', title: 'Process', text: plain('pid'), isFigure: true }
  ],
  allocations: [
    { name: 'what', title: 'What', text: what },
    { name: 'state', title: 'State', text: plain('state') },
    { name: 'submitted', title: 'Submitted', text: row => clock(row.submitted as number) },
    { name: 'ended', title: 'Ended', text: row => clock(row.ended as number | null) },
    { name: 'message', title: 'Message', text: plain('message') }
  ],
  events: [
    { name: 'time', title: 'Time', text: row => clock(row.time as number) },
    { name: 'kind', title: 'What', text: plain('kind') },
    { name: 'job', title: 'Job', text: plain('job_id'), isFigure: true },
    { name: 'worker', title: 'Worker', text: plain('worker_id'), isFigure: true },
    { name: 'data', title: 'Particulars', text: particulars }
  ]
};

/** Parameters as they are called, results as `result.x`, as in a notebook; what is no dict is a column of its own. */
function resultColumns(rows: readonly Row[]): readonly IColumn[] {
  return [
    { name: 'job', title: 'Job', text: plain('job'), isFigure: true },
    { name: 'status', title: 'Status', text: plain('status') },
    ...parts(rows, 'params', ''),
    ...parts(rows, 'result', 'result.'),
    { name: 'seconds', title: 'Runtime', text: row => seconds(row.seconds), isFigure: true },
    { name: 'peak_memory', title: 'Memory', text: row => memory(row.peak_memory as number), isFigure: true },
    { name: 'error', title: 'Error', text: plain('error') }
  ];
}

function parts(rows: readonly Row[], of: string, begin: string): readonly IColumn[] {
  const keys = new Set(rows.flatMap(row => (isDict(row[of]) ? Object.keys(row[of]) : [])));
  const isWhole = rows.some(row => !isDict(row[of]) && row[of] !== null);
  return [
    ...(isWhole ? [{ name: of, title: of, text: (row: Row) => (isDict(row[of]) ? '' : line(row[of])) }] : []),
    ...[...keys].map(key => ({
      name: `${of}.${key}`,
      title: line(`${begin}${key}`, WIDEST),
      text: (row: Row) => (isDict(row[of]) && Object.hasOwn(row[of], key) ? line(row[of][key]) : '')
    }))
  ];
}

function isDict(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function plain(name: string): (row: Row) => string {
  return row => line(row[name]);
}

function has(row: Row): string {
  const gpus = row.num_gpus ? count(Number(row.num_gpus), 'GPU') : '';
  return [count(Number(row.num_cpus ?? 0), 'CPU'), gpus, memory(row.memory as number)].filter(Boolean).join(', ');
}

function what(row: Row): string {
  return `${row.kind === 'slurm' ? 'Slurm job' : 'process'} ${line(row.scheduler_job ?? row.id)}`;
}

/** What an event tells besides: `host: n1, freed: 3`. */
function particulars(row: Row): string {
  const data = isDict(row.data) ? Object.entries(row.data) : [];
  return line(data.map(([name, value]) => `${name}: ${line(value)}`).join(', '));
}
