/**
 * The statuses of jobs: colours, order and sentences of `torc_nb/models`, with which a test compares them.
 */

/** A status: how it looks in a bar, and what it means. */
export interface IStatus {
  readonly name: string;
  readonly colour: string;
  readonly sentence: string;
}

/** In the order in which they stand in a bar. */
export const STATUSES: readonly IStatus[] = [
  { name: 'completed', colour: '#009e73', sentence: 'Finished; its result is stored.' },
  { name: 'failed', colour: '#d55e00', sentence: 'Finished with an error; its traceback is stored.' },
  {
    name: 'terminated',
    colour: '#e69f00',
    sentence: 'Stopped while it ran: by a time limit, a cancel or the end of its allocation.'
  },
  { name: 'canceled', colour: '#cc79a7', sentence: 'Will not run: it was canceled, or a job that it needs failed.' },
  { name: 'running', colour: '#56b4e9', sentence: 'Running on a worker now.' },
  { name: 'pending', colour: '#0072b2', sentence: 'Claimed by a worker, not begun yet.' },
  { name: 'ready', colour: '#9a9a9a', sentence: 'Can run as soon as a worker has room for it.' },
  { name: 'blocked', colour: '#7a7a7a', sentence: 'Waiting for other jobs to complete.' },
  { name: 'uninitialized', colour: '#b8b8b8', sentence: 'Declared, but its workflow has not been started.' },
  { name: 'disabled', colour: '#5e5e5e', sentence: 'Set aside by the user; nothing waits for it.' }
];

const BY_NAME = new Map(STATUSES.map(status => [status.name, status]));

/** A status by its name; one that this version does not know is grey. */
export function statusOf(name: string): IStatus {
  return BY_NAME.get(name) ?? { name, colour: '#9a9a9a', sentence: name };
}

/** How many jobs have which status. */
export type Counts = Readonly<Record<string, number>>;

/** The statuses that some jobs have, in their order, with the numbers of these. */
export function counted(counts: Counts): [IStatus, number][] {
  const known = STATUSES.map(status => status.name);
  const others = Object.keys(counts).filter(name => !BY_NAME.has(name));
  return [...known, ...others].filter(name => counts[name] > 0).map(name => [statusOf(name), counts[name]]);
}
