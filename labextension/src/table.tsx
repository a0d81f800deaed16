/**
 * A list of a workflow, however long: its columns, the rows on the page, and all of the one that was chosen.
 */

import React from 'react';

import { ListName, Row } from './answers';
import { Patch } from './bar';
import { columnsOf, IColumn, widths } from './columns';
import { line, number, table } from './format';
import { Rows } from './rows';
import { statusOf } from './statuses';
import { Virtual } from './virtual';

const HEIGHT = 22;

/** So many characters are as wide as the mark of a status; letters are less wide than digits. */
const MARK = 2;
const LETTER = 0.92;

/** Between two columns, in pixels. */
const GAP = 7;

/** Lists of which the newest rows stand first: the others go down where one comes. */
const NEWEST_FIRST: readonly ListName[] = ['workers', 'allocations', 'events'];

/** What a list needs. */
export interface ITableProps {
  readonly list: ListName;
  readonly label: string;
  readonly rows: Rows;
  /** What is said where there is no row. */
  readonly nothing: string;
  /** What stands before the number of rows. */
  readonly tools?: React.ReactNode;
  /** The job that a row is about. */
  readonly job: (row: Row) => number | null;
  readonly onRead: (job: number) => void;
  readonly onCopy: (text: string) => void;
  /** More of the row that was chosen. */
  readonly chosen?: (row: Row) => React.ReactNode;
}

/** Rows that come where one scrolls to, and what is chosen of them: shown, copied, or its job's output opened. */
export function Table(props: ITableProps): JSX.Element {
  const { list, rows } = props;
  const [selected, select] = useSelection(props);
  const known = rows.near;
  const columns = columnsOf(list, known).filter(column => column.name !== 'map' || !rows.filtered.map);
  const wide = useWidths(list, columns, known);
  const see = React.useCallback((first: number, last: number) => rows.see(first, last), [rows]);
  const copy = (first: number, last: number) => {
    const chosen = rows.between(first, last);
    props.onCopy(table(Object.keys(chosen[0] ?? {}), chosen));
  };
  const row = selected ? rows.get(selected[1]) : undefined;
  const job = row ? props.job(row) : null;
  const open = (index: number) => {
    const opened = rows.get(index);
    const of = opened ? props.job(opened) : null;
    if (of !== null) {
      props.onRead(of);
    }
  };
  return (
    <div className="torc-Jobs">
      <div className="torc-Tools">
        {props.tools}
        <span className="torc-Quiet" role="status">
          {rows.total === null ? '' : number(rows.total)}
        </span>
        <span className="torc-Gap" />
        <button type="button" className="torc-Button" disabled={job === null} onClick={() => selected && open(selected[1])}>
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
        <div className="torc-Empty">{props.nothing}</div>
      ) : (
        <Virtual
          of={rows.filtered}
          total={rows.total ?? 0}
          height={HEIGHT}
          label={props.label}
          head={<Heads columns={columns} wide={wide} rows={rows} label={props.label} />}
          render={index => <Cells row={rows.get(index)} columns={columns} wide={wide} />}
          onSee={see}
          onOpen={open}
          onCopy={copy}
          selected={selected}
          onSelect={(anchor, head) => select([anchor, head])}
        />
      )}
      {row && props.chosen && (
        <section className="torc-Chosen" aria-label="The chosen row" tabIndex={0}>
          {props.chosen(row)}
        </section>
      )}
    </div>
  );
}

type Selection = readonly [number, number] | null;

/** Which rows are chosen: none after another filter, and the same ones where newer rows come above them. */
function useSelection({ list, rows }: ITableProps): [Selection, (to: Selection) => void] {
  const [selected, select] = React.useState<Selection>(null);
  const before = React.useRef(rows.total);
  React.useEffect(() => select(null), [rows.filtered]);
  React.useEffect(() => {
    const come = (rows.total ?? 0) - (before.current ?? rows.total ?? 0);
    before.current = rows.total;
    if (come > 0 && NEWEST_FIRST.includes(list)) {
      select(now => now && [now[0] + come, now[1] + come]);
    }
  }, [list, rows.total]);
  return [selected, select];
}

/** How wide the columns are: while a list is on the page, none becomes narrower. */
function useWidths(list: ListName, columns: readonly IColumn[], rows: readonly Row[]): ReadonlyMap<string, number> {
  const before = React.useRef<{ list: ListName; wide: ReadonlyMap<string, number> }>({ list, wide: new Map() });
  const wide = widths(columns, rows, before.current.list === list ? before.current.wide : undefined);
  before.current = { list, wide };
  return wide;
}

interface IColumnsProps {
  readonly columns: readonly IColumn[];
  readonly wide: ReadonlyMap<string, number>;
}

/** The columns' names; those that can be sorted by are buttons. */
function Heads(props: IColumnsProps & { rows: Rows; label: string }): JSX.Element {
  const { column: by, order } = props.rows.sorted;
  return (
    <div role="table" aria-label={`Columns: ${props.label}`}>
      <div role="row" className="torc-Head-row">
        {props.columns.map(column => {
          const isBy = column.sorts !== undefined && column.name === by;
          const sorted = isBy ? (order === 'asc' ? 'ascending' : 'descending') : undefined;
          return (
            <div
              key={column.name}
              role="columnheader"
              className="torc-Column torc-Cut"
              data-figure={column.isFigure}
              aria-sort={column.sorts && (sorted ?? 'none')}
              style={{ width: wideOf(column, props.wide) }}
            >
              {column.sorts ? (
                <button
                  type="button"
                  title={`Sort by ${column.title.toLowerCase()}`}
                  onClick={() => props.rows.sortBy(column.name, column.sorts!)}
                >
                  {column.title}
                  <span aria-hidden>{isBy ? (order === 'asc' ? ' ▲' : ' ▼') : ''}</span>
                </button>
              ) : (
                <bdi>{column.title}</bdi>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Cells(props: IColumnsProps & { row: Row | undefined }): JSX.Element {
  const { row } = props;
  if (!row) {
    const wide = props.columns.map(column => wideOf(column, props.wide)).join(' + ');
    return (
      <span className="torc-Quiet" style={{ width: `calc(${wide} + ${GAP * (props.columns.length - 1)}px)` }}>
        …
      </span>
    );
  }
  return (
    <>
      {props.columns.map(column => (
        <Cell key={column.name} row={row} column={column} width={wideOf(column, props.wide)} />
      ))}
    </>
  );
}

function Cell({ row, column, width }: { row: Row; column: IColumn; width: string }): JSX.Element {
  const text = column.text(row);
  const status = column.name === 'status' ? statusOf(text) : null;
  return (
    <span
      className="torc-Column torc-Cut"
      data-column={column.name}
      data-figure={column.isFigure}
      title={status?.sentence ?? text}
      style={{ width }}
    >
      {status && <Patch status={status.name} colour={status.colour} />}
      <bdi>{text}</bdi>{' '}
    </span>
  );
}

function wideOf(column: IColumn, wide: ReadonlyMap<string, number>): string {
  const characters = wide.get(column.name) ?? 0;
  return `${column.isFigure ? characters : LETTER * characters + (column.name === 'status' ? MARK : 0)}ch`;
}
