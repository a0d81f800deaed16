/**
 * The cell that opens a workflow, put into a notebook.
 */

import { JupyterFrontEnd } from '@jupyterlab/application';
import { INotebookTracker, NotebookActions, NotebookPanel } from '@jupyterlab/notebook';

/** Insert a cell below the active one of the current notebook, or into a new notebook; it is not run. */
export async function attach(app: JupyterFrontEnd, tracker: INotebookTracker, source: string): Promise<void> {
  const current = tracker.currentWidget;
  const panel = current ?? ((await app.commands.execute('notebook:create-new')) as NotebookPanel);
  await panel.context.ready;
  const notebook = panel.content;
  const active = notebook.activeCell?.model.sharedModel;
  if (!active || active.getSource().trim() || active.cell_type !== 'code') {
    NotebookActions.insertBelow(notebook);
  }
  notebook.activeCell?.model.sharedModel.setSource(source);
  app.shell.activateById(panel.id);
}
