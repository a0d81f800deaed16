/**
 * The panel of workflows, put together.
 */

import { ILabShell, ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRunningSessionManagers } from '@jupyterlab/running';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';

import { IAddress } from './answers';
import { Server } from './api';
import { Actions } from './actions';
import { addCommands } from './commands';
import { Kind, Noticing } from './noticing';
import { notify } from './notify';
import { Panel } from './panel';
import { restore } from './restoring';
import { listRunning } from './running';
import { Told } from './told';
import { Workflows } from './workflows';

const ID = 'torc-nb:panel';

const plugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Workflows of torc_nb in the side bar.',
  autoStart: true,
  optional: [
    ICommandPalette,
    ILayoutRestorer,
    INotebookTracker,
    IRunningSessionManagers,
    ISettingRegistry,
    IStateDB,
    ILabShell
  ],
  activate: (
    app: JupyterFrontEnd,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    notebooks: INotebookTracker | null,
    running: IRunningSessionManagers | null,
    settings: ISettingRegistry | null,
    state: IStateDB | null,
    labShell: ILabShell | null
  ) => {
    const api = new Server();
    const model = new Workflows(api);
    const noticing = new Noticing(model, new Told(window.localStorage));
    const actions = new Actions(app, api, model, notebooks);
    const panel = new Panel(model, { act: offer => void actions.ask(offer), attach: () => void actions.attach() });
    const open = (of: IAddress) => {
      model.open(of);
      app.shell.activateById(panel.id);
    };
    notify(noticing, open);
    app.shell.add(panel, 'left', { rank: 450 });
    restorer?.add(panel, panel.id);
    addCommands(app, palette, model, actions, () => app.shell.activateById(panel.id));
    if (running) {
      listRunning(running, model, {
        open,
        cancel: one => void actions.cancel(one),
        cancelAll: all => void actions.cancelAll(all)
      });
    }
    if (settings) {
      settings.load(ID).then(
        loaded => {
          const read = () => {
            model.interval = 1000 * (loaded.composite.seconds as number);
            panel.finished = loaded.composite.finished as boolean;
            const kinds: readonly Kind[] = ['ended', 'failed'];
            noticing.wanted = new Set(kinds.filter(kind => loaded.composite[`notify_${kind}`]));
          };
          loaded.changed.connect(read);
          read();
        },
        error => console.error('torc_nb: its settings cannot be read', error)
      );
    }
    const place = PageConfig.getBaseUrl() + PageConfig.getOption('workspace');
    const begun = restore(state, window.sessionStorage, place, model);
    void Promise.all([begun, labShell?.restored]).then(() => model.start());
  }
};

export default plugin;
