/**
 * All workflows, each with its bar.
 */

import React from 'react';

import { IAddress, IDatabase, IWorkflow } from './answers';
import { Bar } from './bar';
import { clock, line, progress } from './format';
import { filtered } from './workflows';

/** What the list shows. */
export interface IListProps {
  readonly all: readonly IWorkflow[];
  readonly databases: ReadonlyMap<string, IDatabase>;
  readonly filter: string;
  readonly finished: boolean;
  readonly onFilter: (text: string) => void;
  readonly onOpen: (of: IAddress) => void;
}

/** The workflows that the filter leaves; arrow keys go from one to the next. */
export function List(props: IListProps): JSX.Element {
  const shown = filtered(props.all, props.filter, props.finished);
  const silent = [...props.databases.values()].filter(one => one.trouble);
  return (
    <>
      <input
        type="search"
        className="jp-mod-styled torc-Filter"
        placeholder="Filter by name or user"
        aria-label="Filter workflows by name or user"
        value={props.filter}
        onChange={event => props.onFilter(event.target.value)}
      />
      {silent.map(one => (
        <div key={one.id} className="torc-Alert" role="status">
          <bdi>{line(one.place, 1000)}</bdi>: {line(one.trouble, 1000)}
        </div>
      ))}
      {shown.length === 0 && <Nothing are={props.all.length} />}
      <ul className="torc-List" aria-label="Workflows" onKeyDown={move}>
        {shown.map(one => (
          <li key={`${one.database}/${one.id}`}>
            <button
              type="button"
              className="torc-Workflow"
              data-workflow={one.id}
              onClick={() => props.onOpen(one)}
              title={described(one, props.databases.get(one.database))}
            >
              <span className="torc-Workflow-head">
                <bdi className="torc-Name">{line(one.name)}</bdi>
                <span className="torc-Quiet">{stands(one)}</span>
              </span>
              <Bar counts={one.statuses} />
              <span className="torc-Quiet torc-Cut">{one.trouble ? line(one.trouble) : progress(one.statuses, one.total)}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function Nothing(props: { are: number }): JSX.Element {
  return (
    <div className="torc-Empty">
      {props.are ? (
        'No workflow matches.'
      ) : (
        <>
          No workflow yet. In a notebook:
          <pre>{'from torc_nb import Workflow\n\nwf = Workflow("sweep")'}</pre>
        </>
      )}
    </div>
  );
}

function stands(one: IWorkflow): string {
  return one.is_done && one.total > 0 ? 'done' : one.state;
}

function described(one: IWorkflow, database: IDatabase | undefined): string {
  const of = `Workflow ${one.id} of ${line(one.user)}, made ${clock(one.created)}`;
  return `${of}\n${database ? line(database.place) : ''}`;
}

/** Go to the workflow above or below. */
function move(event: React.KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    const all = [...event.currentTarget.querySelectorAll<HTMLElement>('.torc-Workflow')];
    all[all.indexOf(document.activeElement as HTMLElement) + step]?.focus();
    event.preventDefault();
  }
}
