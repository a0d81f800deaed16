/**
 * What the user asks to be done.
 */

import { JupyterFrontEnd } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';

import { IWorkflow } from './answers';
import type { IApi } from './api';
import { ask } from './asking';
import { attach } from './attach';
import { cell, line } from './format';
import { IOffer, offers } from './offers';
import { Workflows } from './workflows';

/** Acts on the opened workflow, and says in the panel what was done. */
export class Actions {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _api: IApi,
    private readonly _model: Workflows,
    private readonly _notebooks: INotebookTracker | null
  ) {}

  /** The opened workflow, as it is known. */
  get workflow(): IWorkflow | null {
    const { opened } = this._model;
    return opened && (opened.overview ?? this._model.find(opened.address));
  }

  /** What is offered for it under the name of an act. */
  offer(act: string): IOffer | undefined {
    const workflow = this.workflow;
    return workflow ? offers(workflow, this._model.opened!.overview).find(one => one.action.act === act) : undefined;
  }

  /** Ask, and do it for the opened workflow. */
  async ask(offer: IOffer): Promise<void> {
    const { opened } = this._model;
    if (opened) {
      const said = await ask(offer, this.workflow?.name ?? '', action => opened.act(action));
      await this._say(said);
    }
  }

  /** Ask, and cancel a workflow, opened or not. */
  async cancel(workflow: IWorkflow): Promise<void> {
    const offer = offers(workflow).find(one => one.action.act === 'cancel');
    if (offer) {
      await this._say(await ask(offer, workflow.name, action => this._api.act(workflow, action)));
    }
  }

  /** Cancel workflows without a question. */
  async cancelAll(all: readonly IWorkflow[]): Promise<void> {
    const done = await Promise.allSettled(all.map(one => this._api.act(one, { act: 'cancel' })));
    const wrong = done.filter(one => one.status === 'rejected');
    const said = done.map(one => (one.status === 'fulfilled' ? one.value.said : String(one.reason?.message ?? one.reason)));
    await this._say({ text: said.join(' '), isWrong: wrong.length > 0 });
  }

  /** Insert the cell that opens the opened workflow. */
  async attach(): Promise<void> {
    const workflow = this.workflow;
    const database = workflow && this._model.databases.get(workflow.database);
    if (!workflow || !database || !this._notebooks) {
      return;
    }
    try {
      await attach(this._app, this._notebooks, cell(workflow.name, database.place));
    } catch (error) {
      this._model.say({ text: `No cell was inserted: ${line(String(error))}`, isWrong: true });
    }
  }

  private async _say(said: { text: string; isWrong: boolean } | null): Promise<void> {
    if (said) {
      this._model.say(said);
      await this._model.refresh();
    }
  }
}
