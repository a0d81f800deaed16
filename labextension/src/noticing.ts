/**
 * What happens to workflows while the page is open: that one ends, or first fails.
 */

import { ISignal, Signal } from '@lumino/signaling';

import { IWorkflow } from './answers';
import { line, progress } from './format';
import { Workflows } from './workflows';

/** What is told of a workflow. */
export type Kind = 'ended' | 'failed';

/** Something that happened. */
export interface INews {
  readonly kind: Kind;
  readonly workflow: IWorkflow;
}

/** What all windows of a browser know together. */
export interface ITold {
  /** Whether nobody has told this since a time, in milliseconds since the epoch; it counts as told then. */
  claim(what: string, since: number): Promise<boolean>;
}

/** Compares how workflows stand with how they stood, and tells each change once, in whichever window sees it first. */
export class Noticing {
  constructor(
    private readonly _model: Workflows,
    private readonly _told: ITold
  ) {
    _model.changed.connect(this._look, this);
  }

  /** Emitted where something happened that is to be told. */
  get happened(): ISignal<this, INews> {
    return this._happened;
  }

  /** What is told. */
  wanted: ReadonlySet<Kind> = new Set<Kind>(['ended', 'failed']);

  private _look(): void {
    const { all, asked, trouble } = this._model;
    if (!all || trouble !== null || all === this._all) {
      return;
    }
    this._all = all;
    for (const now of all) {
      const key = `${now.database}/${now.id}`;
      const before = this._seen.get(key);
      this._seen.set(key, { workflow: now, asked });
      const kind = before && happened(before.workflow, now);
      if (kind && this.wanted.has(kind)) {
        void this._tell({ kind, workflow: now }, `${key}/${kind}`, before.asked);
      }
    }
  }

  /** Another window may have told it since this one saw that it had not happened yet. */
  private async _tell(news: INews, what: string, since: number): Promise<void> {
    if (await this._told.claim(what, since)) {
      this._happened.emit(news);
    }
  }

  private _all: readonly IWorkflow[] | null = null;
  private _happened = new Signal<this, INews>(this);
  private _seen = new Map<string, { workflow: IWorkflow; asked: number }>();
}

/** What happened between two looks at a workflow: of several things, the last. */
export function happened(before: IWorkflow, now: IWorkflow): Kind | null {
  if (before.is_done || before.total === 0) {
    return null; // it had ended, or not begun, before anybody looked
  }
  if (now.is_done) {
    return 'ended';
  }
  return failures(before) === 0 && failures(now) > 0 ? 'failed' : null;
}

/** What is said of it. */
export function sentence({ kind, workflow }: INews): string {
  const { statuses, total, state } = workflow;
  const begin = kind === 'failed' ? 'has failed jobs' : state === 'canceled' ? 'was canceled' : 'has ended';
  return `Workflow ${line(workflow.name, 40)} ${begin}: ${progress(statuses, total)}`;
}

/** How many jobs of a workflow failed, or were stopped. */
export function failures(one: IWorkflow): number {
  return (one.statuses.failed ?? 0) + (one.statuses.terminated ?? 0);
}
