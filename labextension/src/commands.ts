/**
 * What the panel adds to JupyterLab's commands, and so to the command palette.
 */

import { JupyterFrontEnd } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';

import { Actions } from './actions';
import { icon } from './icon';
import { Workflows } from './workflows';

/** Acts on the opened workflow, by the names that the palette has for them. */
const ACTS: readonly [string, string][] = [
  ['start', 'Start the Opened Workflow…'],
  ['pause', 'Pause the Opened Workflow…'],
  ['resume', 'Resume the Opened Workflow…'],
  ['run', 'Run the Opened Workflow Here…'],
  ['schedule-nodes', 'Ask Slurm for Nodes for the Opened Workflow…'],
  ['rerun', 'Rerun Failed Jobs of the Opened Workflow…'],
  ['reinitialize', 'Reinitialize the Opened Workflow…'],
  ['cancel', 'Cancel the Opened Workflow…']
];

/** Add the commands. */
export function addCommands(
  app: JupyterFrontEnd,
  palette: ICommandPalette | null,
  model: Workflows,
  actions: Actions,
  show: () => void
): void {
  const add = (id: string, options: Parameters<typeof app.commands.addCommand>[1]) => {
    app.commands.addCommand(id, options);
    palette?.addItem({ command: id, category: 'Workflows' });
  };
  add('torc-nb:show', { label: 'Show Workflows', caption: 'Workflows of torc_nb', icon, execute: show });
  add('torc-nb:refresh', { label: 'Look Now How Workflows Stand', execute: () => model.refresh() });
  add('torc-nb:attach', {
    label: 'Insert the Cell that Opens the Opened Workflow',
    isEnabled: () => actions.workflow !== null,
    execute: () => actions.attach()
  });
  for (const [act, label] of ACTS) {
    add(`torc-nb:${act}`, {
      label,
      isEnabled: () => actions.offer(act) !== undefined,
      execute: () => {
        const offer = actions.offer(act);
        return offer && actions.ask(offer);
      }
    });
  }
  let before = '';
  model.changed.connect(() => {
    const now = ACTS.map(([act]) => actions.offer(act) !== undefined).join();
    if (now !== before) {
      before = now;
      app.commands.notifyCommandChanged();
    }
  });
}
