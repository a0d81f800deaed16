/**
 * Values as text for people.
 */

import { Counts } from './statuses';

/** Of so many characters a text of one line is shown. */
const LINE = 300;

/** Control characters, and those that turn the direction of what follows. */
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** A number with its thousands apart: `50,000`. */
export function number(n: number): string {
  return n.toLocaleString('en-US');
}

/** A number of things: `1 job`, `50,000 jobs`. */
export function count(n: number, what: string): string {
  return `${number(n)} ${what}${n === 1 ? '' : 's'}`;
}

/** One harmless line of any text that a user, a job or a log wrote. */
export function line(value: unknown, most = LINE): string {
  const text = typeof value === 'string' ? value : plain(value);
  const begin = text.slice(0, 4 * most).replace(/\s+/g, ' ').trim().replace(UNSEEN, '\ufffd');
  return begin.length > most ? `${begin.slice(0, most)}…` : begin;
}

/** A text of several lines without characters that a terminal would obey. */
export function lines(text: string): string {
  return text.replace(UNSEEN, seen => (seen === '\n' || seen === '\t' ? seen : seen === '\r' ? '' : '\ufffd'));
}

/** How the jobs stand: `312 of 50,000 completed, 3 failed, 2 running`. */
export function progress(counts: Counts, total: number): string {
  if (!total) {
    return 'no jobs yet';
  }
  const notable = ['failed', 'terminated', 'canceled', 'running'].filter(name => counts[name] > 0);
  const completed = `${number(counts.completed ?? 0)} of ${number(total)} completed`;
  return [completed, ...notable.map(name => `${number(counts[name])} ${name}`)].join(', ');
}

/** A time as a clock shows it, with its day where that is not today's; seconds since the epoch or ISO 8601. */
export function clock(time: number | string | null | undefined, now = new Date()): string {
  if (time === null || time === undefined || time === '') {
    return '';
  }
  const moment = new Date(typeof time === 'number' ? time * 1000 : time);
  if (Number.isNaN(moment.getTime())) {
    return '';
  }
  const two = (n: number) => String(n).padStart(2, '0');
  const hour = `${two(moment.getHours())}:${two(moment.getMinutes())}`;
  const day = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  return moment.toDateString() === now.toDateString() ? `${hour}:${two(moment.getSeconds())}` : `${day} ${hour}`;
}

/** Bytes: `20 GiB`. */
export function memory(bytes: number | null | undefined): string {
  if (!bytes) {
    return '';
  }
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const size = bytes / 1024 ** power;
  return `${size >= 10 || power === 0 ? Math.round(size) : size.toFixed(1)} ${units[power]}`;
}

/** How long something took: `61 ms`, `2.5 s`, `12 min`, `3.5 h`. */
export function seconds(taken: unknown): string {
  if (typeof taken !== 'number') {
    return '';
  }
  const units: [number, string][] = [[3600, 'h'], [60, 'min'], [1, 's'], [0.001, 'ms']];
  const [unit, name] = units.find(([length]) => taken >= length) ?? units[units.length - 1];
  const size = taken / unit;
  return `${size < 10 ? Number(size.toFixed(1)) : Math.round(size)} ${name}`;
}

/** Rows as text that a spreadsheet takes: names first, tabs between. */
export function table(names: readonly string[], rows: readonly Readonly<Record<string, unknown>>[]): string {
  const texts = rows.map(row => names.map(name => line(row[name], 10_000)).join('\t'));
  return [names.join('\t'), ...texts].join('\n');
}

/** The cell that opens a workflow in a notebook. */
export function cell(name: string, place: string): string {
  // What JSON escapes in a text, Python reads in the same way; a password is not there, and the kernel may know it.
  const address = place.replace(/:\*\*\*(?=@)/, '');
  return `from torc_nb import Workflow\n\nwf = Workflow(${JSON.stringify(name)}, db=${JSON.stringify(address)})\nwf`;
}

function plain(value: unknown): string {
  if (value === null || value === undefined) {
    return '';
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
