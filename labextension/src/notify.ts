/**
 * What happened to workflows, as JupyterLab's notifications.
 */

import { Notification } from '@jupyterlab/apputils';

import { IAddress } from './answers';
import { failures, INews, Noticing, sentence } from './noticing';

/** A notification is on the page for so long, in milliseconds; then it is among the others. */
const SHOWN = 15_000;

/** Show what happens, each with a button that opens the workflow. */
export function notify(noticing: Noticing, open: (of: IAddress) => void): void {
  noticing.happened.connect((_, news) => {
    const actions = [{ label: 'Open', callback: () => open(news.workflow) }];
    Notification.emit(sentence(news), kind(news), { autoClose: SHOWN, actions });
  });
}

function kind({ kind, workflow }: INews): 'success' | 'warning' | 'error' {
  return kind === 'failed' ? 'error' : failures(workflow) > 0 ? 'warning' : 'success';
}
