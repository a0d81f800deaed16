/**
 * What can be done about a workflow, and what is asked before.
 */

import { IAction, IOverview, IWorkflow } from './answers';
import { count } from './format';

/** Something that can be done. */
export interface IOffer {
  readonly action: IAction;
  readonly label: string;
  readonly question: string;
  readonly yes: string;
  /** Whether it takes something away. */
  readonly isWarning?: boolean;
  /** What a number is asked for. */
  readonly number?: string;
  /** Why it cannot be done here, and what can. */
  readonly missing?: string;
  /** Whether what would change is shown before. */
  readonly isForeseen?: boolean;
}

/** Statuses of jobs that `rerun` takes. */
const FAILED = ['failed', 'terminated'];

/** What can be done now, in the order of the buttons; nothing where one may only read. */
export function offers(one: IWorkflow, overview: IOverview | null = null): readonly IOffer[] {
  if (overview?.read_only) {
    return [];
  }
  const left = one.total - one.finished;
  const failed = FAILED.reduce((sum, name) => sum + (one.statuses[name] ?? 0), 0);
  return [
    ...(one.state === 'created' ? [START] : []),
    ...(left && one.state === 'started' ? [PAUSE] : []),
    ...(left && one.state === 'paused' ? [RESUME] : []),
    ...(left ? [RUN] : []),
    ...(left && overview ? [overview.has_slurm ? NODES : NO_NODES] : []),
    ...(failed ? [rerun(failed)] : []),
    ...(one.total ? [REINITIALIZE] : []),
    ...(left ? [cancel(left)] : [])
  ];
}

/** Run one job again. */
export function rerunJob(job: number): IOffer {
  return {
    action: { act: 'rerun', jobs: [job] },
    label: 'Rerun …',
    question: `Run job ${job} again, and what follows from it? ${STORED}`,
    yes: 'Rerun'
  };
}

/** Of the notebook's code the server knows nothing. */
const STORED = 'The code is what was stored last; a notebook takes its own.';

const START: IOffer = {
  action: { act: 'start' },
  label: 'Start …',
  question: 'Start the workflow? Its jobs run as soon as a worker is there.',
  yes: 'Start'
};

const PAUSE: IOffer = {
  action: { act: 'pause' },
  label: 'Pause …',
  question: 'Let no further job begin until the workflow is resumed? What runs goes on to its end.',
  yes: 'Pause'
};

const RESUME: IOffer = {
  action: { act: 'resume' },
  label: 'Resume …',
  question: 'Let the jobs of the workflow begin again?',
  yes: 'Resume'
};

const RUN: IOffer = {
  action: { act: 'run' },
  label: 'Run here …',
  question: "Start a worker on the machine of the Jupyter server, in the background? If one runs there already, it stays the only one.",
  yes: 'Run here'
};

const NODES: IOffer = {
  action: { act: 'schedule-nodes' },
  label: 'Slurm nodes …',
  question: 'How many Slurm nodes is the workflow to have, those counted that it has?',
  yes: 'Ask Slurm',
  number: 'Nodes'
};

const NO_NODES: IOffer = {
  ...NODES,
  missing:
    'There is no Slurm (no sbatch) on the machine of the Jupyter server. Start Jupyter on a login node of the cluster, or ' +
    'type there: torc-nb hpc slurm schedule-nodes -n 1. "Run here" runs the jobs on this machine.'
};

const REINITIALIZE: IOffer = {
  action: { act: 'reinitialize' },
  label: 'Reinitialize …',
  question: `Make ready again what changed parameters affect, and what follows from it? ${STORED}`,
  yes: 'Reinitialize',
  isWarning: true,
  isForeseen: true
};

function rerun(failed: number): IOffer {
  return {
    action: { act: 'rerun', status: FAILED },
    label: 'Rerun failed …',
    question: `Run ${count(failed, 'failed job')} again, and what follows from ${failed === 1 ? 'it' : 'them'}? ${STORED}`,
    yes: 'Rerun'
  };
}

function cancel(left: number): IOffer {
  return {
    action: { act: 'cancel' },
    label: 'Cancel …',
    question: `Cancel ${count(left, 'job')} that ${left === 1 ? 'has' : 'have'} not finished, and stop the workers? Results stay.`,
    yes: 'Cancel the jobs',
    isWarning: true
  };
}
