/**
 * The jobs of a workflow, however many.
 */

import React from 'react';

import { line } from './format';
import { Rows } from './rows';
import { STATUSES } from './statuses';
import { Table } from './table';

/** What the list of jobs needs. */
export interface IJobsProps {
  readonly rows: Rows;
  readonly onRead: (job: number) => void;
  readonly onCopy: (text: string) => void;
}

/** The list, with a filter by status, and what else it is filtered by. */
export function Jobs(props: IJobsProps): JSX.Element {
  const { rows } = props;
  const { map, ...filter } = rows.filtered;
  const choices = (
    <>
      <select
        className="jp-mod-styled"
        aria-label="Status of the jobs to show"
        value={filter.status ?? ''}
        onChange={event => rows.filter({ ...filter, map, status: event.target.value || undefined })}
      >
        <option value="">all statuses</option>
        {STATUSES.map(one => (
          <option key={one.name} value={one.name}>
            {one.name}
          </option>
        ))}
      </select>
      {map && (
        <button type="button" className="torc-Chip" title="Show the jobs of all maps" onClick={() => rows.filter(filter)}>
          map <bdi>{line(map)}</bdi> ✕
        </button>
      )}
    </>
  );
  return <Table {...props} list="jobs" label="Jobs" nothing="No such job." tools={choices} job={row => Number(row.id)} />;
}
