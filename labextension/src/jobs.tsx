/**
 * The jobs of a workflow, however many.
 */

import React from 'react';

import { Row } from './answers';
import { Patch } from './bar';
import { line, number, table } from './format';
import { JobRows } from './rows';
import { STATUSES, statusOf } from './statuses';
import { Virtual } from './virtual';

const HEIGHT = 22;

/** What the list of jobs needs. */
export interface IJobsProps {
  readonly rows: JobRows;
  readonly onRead: (job: number) => void;
  readonly onCopy: (text: string) => void;
}

/** Rows that come where one scrolls to, a filter by status, and what is chosen as text for a spreadsheet. */
export function Jobs(props: IJobsProps): JSX.Element {
  const { rows } = props;
  const { status, map } = rows.filtered;
  const [selected, select] = React.useState<readonly [number, number] | null>(null);
  React.useEffect(() => select(null), [status, map]);
  const see = React.useCallback((first: number, last: number) => rows.see(first, last), [rows]);
  const copy = (first: number, last: number) => {
    const chosen = rows.between(first, last);
    props.onCopy(table(Object.keys(chosen[0] ?? {}), chosen));
  };
  const open = (index: number) => {
    const row = rows.get(index);
    if (row) {
      props.onRead(keyOf(row));
    }
  };
  const total = rows.total ?? 0;
  return (
    <div className="torc-Jobs">
      <div className="torc-Tools">
        <select
          className="jp-mod-styled"
          aria-label="Status of the jobs to show"
          value={status ?? ''}
          onChange={event => rows.filter({ map, status: event.target.value || undefined })}
        >
          <option value="">all statuses</option>
          {STATUSES.map(one => (
            <option key={one.name} value={one.name}>
              {one.name}
            </option>
          ))}
        </select>
        {map && (
          <button type="button" className="torc-Chip" title="Show the jobs of all maps" onClick={() => rows.filter({ status })}>
            map <bdi>{line(map)}</bdi> ✕
          </button>
        )}
        <span className="torc-Quiet" role="status">
          {rows.total === null ? '' : number(total)}
        </span>
        <span className="torc-Gap" />
        <button type="button" className="torc-Button" disabled={!selected} onClick={() => selected && open(selected[1])}>
          Output
        </button>
        <button
          type="button"
          className="torc-Button"
          disabled={!selected}
          title="Copy the chosen rows; Shift chooses several"
          onClick={() => selected && copy(Math.min(...selected), Math.max(...selected))}
        >
          Copy
        </button>
      </div>
      {rows.trouble && (
        <div className="torc-Alert" role="alert">
          {line(rows.trouble)}
        </div>
      )}
      {rows.total === 0 ? (
        <div className="torc-Empty">No such job.</div>
      ) : (
        <Virtual
          total={total}
          height={HEIGHT}
          label="Jobs"
          render={index => <Job row={rows.get(index)} />}
          onSee={see}
          onOpen={open}
          onCopy={copy}
          selected={selected}
          onSelect={(anchor, head) => select([anchor, head])}
        />
      )}
    </div>
  );
}

/** The key of a job, by which all else calls it. */
export function keyOf(row: Row): number {
  return Number(row.id);
}

function Job(props: { row: Row | undefined }): JSX.Element {
  const { row } = props;
  if (!row) {
    return <span className="torc-Quiet">…</span>;
  }
  const status = statusOf(String(row.status));
  const note = line(row.note);
  return (
    <>
      <span className="torc-Key">{keyOf(row)}</span>
      <span className="torc-Status" title={status.sentence}>
        <Patch status={status.name} colour={status.colour} />
        {status.name}
      </span>
      <bdi className="torc-Cut torc-Map">{line(row.map ?? row.command ?? '')}</bdi>
      <bdi className="torc-Cut torc-Job-name">{line(row.name)}</bdi>
      <bdi className="torc-Cut torc-Quiet torc-Note" title={note}>
        {note}
      </bdi>
    </>
  );
}
