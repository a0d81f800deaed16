/**
 * The maps of a workflow, each with its bar.
 */

import React from 'react';

import { Row } from './answers';
import { Bar } from './bar';
import { line, progress } from './format';
import { Rows } from './rows';
import { Counts } from './statuses';
import { Virtual } from './virtual';

const HEIGHT = 64;

/** The list; pressing a map shows its jobs. */
export function Maps(props: { rows: Rows; onShow: (filter: { map: string }) => void }): JSX.Element {
  const { rows } = props;
  const [selected, select] = React.useState<readonly [number, number] | null>(null);
  const see = React.useCallback((first: number, last: number) => rows.see(first, last), [rows]);
  const open = (index: number) => {
    const name = rows.get(index)?.name;
    if (name) {
      props.onShow({ map: String(name) });
    }
  };
  if (rows.total === 0) {
    return <div className="torc-Empty">No map: its jobs were created one by one, or not yet.</div>;
  }
  return (
    <Virtual
      of={rows.filtered}
      total={rows.total ?? 0}
      height={HEIGHT}
      label="maps"
      isMenu
      render={index => <MapItem row={rows.get(index)} />}
      onSee={see}
      onOpen={open}
      onCopy={() => undefined}
      selected={selected}
      onSelect={(_, head) => select([head, head])}
    />
  );
}

function MapItem({ row }: { row: Row | undefined }): JSX.Element {
  if (!row) {
    return <span className="torc-Quiet">…</span>;
  }
  const counts = row.statuses as Counts;
  const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const name = String(row.name);
  return (
    <div className="torc-Map-item" data-map={name} title="Show its jobs">
      <bdi className="torc-Name torc-Cut">{line(name)}</bdi>
      <Bar counts={counts} />
      <span className="torc-Quiet torc-Cut">{progress(counts, total)}</span>
    </div>
  );
}
