/**
 * Workflows whose jobs run, among JupyterLab's own running things.
 */

import { IRunningSessionManagers, IRunningSessions } from '@jupyterlab/running';
import { LabIcon } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';

import { IAddress, IWorkflow } from './answers';
import { line, progress } from './format';
import { icon } from './icon';
import { isMoving, Workflows } from './workflows';

/** What can be done with a running workflow. */
export interface IRunningActs {
  readonly open: (of: IAddress) => void;
  /** Ask, and cancel. */
  readonly cancel: (of: IWorkflow) => void;
  /** Cancel without a question: JupyterLab has asked. */
  readonly cancelAll: (all: readonly IWorkflow[]) => void;
}

/** List running workflows in JupyterLab's panel of running things. */
export function listRunning(managers: IRunningSessionManagers, model: Workflows, acts: IRunningActs): void {
  const runningChanged = new Signal<object, void>(model);
  let before = '';
  model.changed.connect(() => {
    const now = JSON.stringify(running(model).map(one => [one.database, one.id, one.statuses]));
    if (now !== before) {
      before = now;
      runningChanged.emit();
    }
  });
  managers.add({
    name: 'Workflows',
    running: () => running(model).map(one => new RunningWorkflow(one, acts)),
    refreshRunning: () => void model.refresh(),
    runningChanged,
    shutdownAll: () => acts.cancelAll(running(model)),
    shutdownLabel: 'Cancel …',
    shutdownAllLabel: 'Cancel All',
    shutdownAllConfirmationText: 'Cancel the jobs of all running workflows, and stop their workers? Results stay.'
  });
}

function running(model: Workflows): readonly IWorkflow[] {
  return (model.all ?? []).filter(isMoving);
}

class RunningWorkflow implements IRunningSessions.IRunningItem {
  constructor(
    private readonly _workflow: IWorkflow,
    private readonly _acts: IRunningActs
  ) {}

  open(): void {
    this._acts.open(this._workflow);
  }

  shutdown(): void {
    this._acts.cancel(this._workflow);
  }

  icon(): LabIcon {
    return icon;
  }

  label(): string {
    return line(this._workflow.name, 80);
  }

  labelTitle(): string {
    return progress(this._workflow.statuses, this._workflow.total);
  }

  detail(): string {
    return `${Math.floor((100 * this._workflow.finished) / Math.max(1, this._workflow.total))} %`;
  }
}
