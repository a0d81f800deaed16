/**
 * All of a row that was chosen in a list.
 */

import React from 'react';

import { ListName, Row } from './answers';
import { columnsOf, IColumn } from './columns';
import { line, lines } from './format';

/** What a row says that its columns cut. */
export function Chosen(props: { list: ListName; row: Row }): JSX.Element {
  const { list, row } = props;
  return (
    <>
      <Fields columns={columnsOf(list, [row]).filter(column => column.name !== 'message')} row={row} />
      {list === 'failures' && <Failure row={row} />}
      {list === 'allocations' && <Text text={row.message} />}
      {list === 'allocations' && <div className="torc-Quiet torc-Path">{line(row.log, 1000)}</div>}
    </>
  );
}

/** The columns of a row, one below the other; what is empty is left out. */
export function Fields(props: { columns: readonly IColumn[]; row: Row }): JSX.Element {
  const { row } = props;
  return (
    <dl className="torc-Fields">
      {props.columns
        .filter(column => column.text(row))
        .map(column => (
          <React.Fragment key={column.name}>
            <dt>
              <bdi>{column.title}</bdi>
            </dt>
            <dd>
              <bdi>{column.text(row)}</bdi>
            </dd>
          </React.Fragment>
        ))}
    </dl>
  );
}

/** What the jobs of a group have in common, and the traceback of one of them. */
function Failure({ row }: { row: Row }): JSX.Element {
  return (
    <>
      <Text text={row.message} />
      {(row.shared as readonly string[]).map(said => (
        <div key={said} className="torc-Quiet">
          <bdi>{line(said)}</bdi>
        </div>
      ))}
      {row.traceback ? (
        <details open>
          <summary>Traceback of job {Number(row.job)}</summary>
          <Text text={row.traceback} />
        </details>
      ) : null}
    </>
  );
}

function Text({ text }: { text: unknown }): JSX.Element | null {
  return typeof text === 'string' && text ? <pre className="torc-Output">{lines(text)}</pre> : null;
}
