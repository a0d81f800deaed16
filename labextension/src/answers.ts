/**
 * What the server answers.
 */

import { Counts } from './statuses';

/** A workflow, and how its jobs stand. */
export interface IWorkflow {
  readonly database: string;
  readonly id: number;
  readonly name: string;
  readonly user: string;
  readonly state: string;
  readonly created: number | string | null;
  readonly total: number;
  readonly finished: number;
  readonly statuses: Counts;
  readonly is_done: boolean;
  readonly trouble?: string | null;
}

/** A database of workflows; its place has no password. */
export interface IDatabase {
  readonly id: string;
  readonly place: string;
  readonly kind: string;
  readonly trouble: string | null;
}

/** Numbers of jobs by status, in the order of a bar. */
export type Numbers = readonly (readonly [string, number])[];

/** How one workflow stands: what the notebook's live view shows too. */
export interface IOverview extends IWorkflow {
  readonly read_only: boolean;
  readonly has_slurm: boolean;
  readonly jobs: {
    readonly title: string;
    readonly said: readonly string[];
    readonly numbers: Numbers;
    readonly notes: readonly string[];
  };
  readonly workers: { readonly title?: string };
  readonly allocations: {
    readonly waiting?: readonly { readonly what: string; readonly why: string }[];
    readonly failed?: readonly { readonly what: string; readonly log: string; readonly path: string }[];
  };
  readonly failures: { readonly title?: string };
}

/** One row of a list, by the names of its columns. */
export type Row = Readonly<Record<string, unknown>>;

/** A part of a list. */
export interface IPage {
  readonly rows: readonly Row[];
  readonly total: number | null;
  readonly limit: number;
  readonly offset: number;
}

/** What a job printed in its last attempt. */
export interface ILogs {
  readonly attempt: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly traceback: string | null;
}

/** The lists that a workflow has. */
export type ListName = 'maps' | 'jobs' | 'results' | 'failures' | 'workers' | 'allocations' | 'events';

/** What can be done about a workflow. */
export type Act = 'start' | 'pause' | 'resume' | 'cancel' | 'rerun' | 'reinitialize' | 'schedule-nodes' | 'run';

/** An act with its particulars. */
export interface IAction {
  readonly act: Act;
  readonly dry_run?: boolean;
  readonly nodes?: number;
  readonly status?: readonly string[];
  readonly jobs?: readonly number[];
}

/** So many jobs of a map would run again, or wait, for one reason. */
export interface IGroup {
  readonly map: string | null;
  readonly reason: string;
  readonly number: number;
}

/** What was done, or, of a dry run, what would be. */
export interface IDone {
  readonly said: string;
  readonly groups?: readonly IGroup[];
  readonly rows?: readonly Row[];
}

/** Which workflow is meant. */
export interface IAddress {
  readonly database: string;
  readonly id: number;
}

/** Whether two addresses mean the same workflow. */
export function same(one: IAddress | null, other: IAddress | null): boolean {
  return one?.database === other?.database && one?.id === other?.id;
}
