/**
 * Parameters and results of a map's jobs, side by side.
 */

import React from 'react';

import { Fields } from './chosen';
import { columnsOf } from './columns';
import { line } from './format';
import { OpenedWorkflow } from './opened';
import { Table } from './table';

/** What the list of results needs. */
export interface IResultsProps {
  readonly opened: OpenedWorkflow;
  readonly onCopy: (text: string) => void;
}

/** The list, and the choice of a map where there are several. */
export function Results(props: IResultsProps): JSX.Element {
  const { opened } = props;
  const rows = opened.rows('results');
  const choice = opened.maps.length > 1 && (
    <select
      className="jp-mod-styled"
      aria-label="Map whose results to show"
      value={opened.mapOfResults}
      onChange={event => rows.filter({ map: event.target.value })}
    >
      {opened.maps.map(name => (
        <option key={name} value={name}>
          {line(name, 60)}
        </option>
      ))}
    </select>
  );
  return (
    <Table
      list="results"
      label="results"
      rows={rows}
      nothing="No result: the workflow has no map."
      tools={choice}
      job={row => Number(row.job)}
      onRead={job => opened.read(job)}
      onCopy={props.onCopy}
      chosen={row => <Fields columns={columnsOf('results', [row])} row={row} />}
    />
  );
}
