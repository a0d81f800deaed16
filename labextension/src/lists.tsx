/**
 * The short lists of a workflow: maps, failures, workers, allocations.
 */

import React from 'react';

import { IPage, ListName, Row } from './answers';
import { Bar } from './bar';
import { clock, count, line, lines, memory, number, progress } from './format';
import { Counts } from './statuses';

/** What a list does when it is pressed. */
export interface IListActs {
  readonly onShow: (filter: { status?: string; map?: string }) => void;
  readonly onRead: (job: number) => void;
}

const NOTHING: Record<ListName, string> = {
  maps: 'No map: its jobs were created one by one, or not yet.',
  jobs: 'No job.',
  failures: 'No job failed.',
  workers: 'No worker yet.',
  allocations: 'Nothing was asked of Slurm, and no worker started here.'
};

/** One of the short lists. */
export function ShortList(props: { name: ListName; page: IPage | null } & IListActs): JSX.Element {
  const { page, name } = props;
  if (!page) {
    return <div className="torc-Empty">…</div>;
  }
  const left = (page.total ?? page.rows.length) - page.rows.length;
  const Item = { maps: MapItem, failures: Failure, workers: Worker, allocations: Allocation, jobs: Worker }[name];
  return (
    <>
      {page.rows.length === 0 && <div className="torc-Empty">{NOTHING[name]}</div>}
      <ul className="torc-Short" aria-label={name}>
        {page.rows.map((row, n) => (
          <li key={n}>
            <Item row={row} onShow={props.onShow} onRead={props.onRead} />
          </li>
        ))}
      </ul>
      {left > 0 && <div className="torc-Quiet">and {number(left)} more</div>}
    </>
  );
}

type ItemProps = { row: Row } & IListActs;

function MapItem({ row, onShow }: ItemProps): JSX.Element {
  const counts = row.statuses as Counts;
  const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const name = String(row.name);
  return (
    <button
      type="button"
      className="torc-Workflow"
      data-map={name}
      title="Show its jobs"
      disabled={!name}
      onClick={() => onShow({ map: name })}
    >
      <span className="torc-Workflow-head">{name ? <bdi className="torc-Name">{line(name)}</bdi> : <i>other jobs</i>}</span>
      <Bar counts={counts} />
      <span className="torc-Quiet torc-Cut">{progress(counts, total)}</span>
    </button>
  );
}

function Failure({ row, onRead }: ItemProps): JSX.Element {
  const traceback = typeof row.traceback === 'string' ? row.traceback : '';
  return (
    <div className="torc-Alert">
      <div>
        {count(Number(row.count), 'job')}: <bdi className="torc-Name">{line(row.exception)}</bdi>
      </div>
      <bdi>{line(row.message)}</bdi>
      <div className="torc-Quiet">
        <bdi>{line(row.place)}</bdi>
      </div>
      {(row.shared as readonly string[]).map(said => (
        <div key={said} className="torc-Quiet">
          <bdi>{line(said)}</bdi>
        </div>
      ))}
      {traceback && (
        <details>
          <summary>Traceback of job {Number(row.job)}</summary>
          <pre className="torc-Output">{lines(traceback)}</pre>
        </details>
      )}
      <button type="button" className="torc-Button" onClick={() => onRead(Number(row.job))}>
        Output of job {Number(row.job)}
      </button>
    </div>
  );
}

function Worker({ row }: ItemProps): JSX.Element {
  const has = [
    count(Number(row.num_cpus ?? 0), 'CPU'),
    row.num_gpus ? count(Number(row.num_gpus), 'GPU') : '',
    memory(row.memory as number)
  ];
  return (
    <div className="torc-Item">
      <div className="torc-Workflow-head">
        <bdi className="torc-Name">{line(row.host)}</bdi>
        <span className="torc-Quiet">{line(row.state)}</span>
      </div>
      <div className="torc-Quiet">{has.filter(Boolean).join(', ')}</div>
      <div className="torc-Quiet">
        process {line(row.pid)}, started {clock(row.started as number)}, seen {clock(row.last_seen as number)}
      </div>
    </div>
  );
}

function Allocation({ row }: ItemProps): JSX.Element {
  const what = row.kind === 'slurm' ? 'Slurm job' : 'process';
  const ended = row.ended ? `, ended ${clock(row.ended as number)}` : '';
  const message = typeof row.message === 'string' ? lines(row.message) : '';
  return (
    <div className={row.state === 'failed' ? 'torc-Alert' : 'torc-Item'}>
      <div className="torc-Workflow-head">
        <span>
          {what} {line(row.scheduler_job ?? row.id)}
        </span>
        <span className="torc-Quiet">{line(row.state)}</span>
      </div>
      <div className="torc-Quiet">
        submitted {clock(row.submitted as number)}
        {ended}
      </div>
      {message && <pre className="torc-Output">{message}</pre>}
      {row.log ? (
        <div className="torc-Quiet torc-Path">
          <bdi>{line(row.log, 1000)}</bdi>
        </div>
      ) : null}
    </div>
  );
}
