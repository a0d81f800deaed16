/**
 * Numbers of jobs by status: as a bar, and as its legend.
 */

import React from 'react';

import { number } from './format';
import { counted, Counts } from './statuses';

/** All jobs as one bar. However few the failed ones are, they can be seen. */
export function Bar(props: { counts: Counts }): JSX.Element {
  const parts = counted(props.counts);
  const said = parts.map(([status, n]) => `${number(n)} ${status.name}`).join(', ');
  return (
    <div className="torc-Bar" role="img" aria-label={said || 'no jobs'}>
      {parts.map(([status, n]) => (
        <div
          key={status.name}
          title={`${number(n)} ${status.name}`}
          style={{ flex: `${n} 0 0px`, background: status.colour }}
        />
      ))}
    </div>
  );
}

/** What the colours of a bar stand for; each part can be chosen. */
export function Legend(props: { counts: Counts; onChoose: (status: string) => void }): JSX.Element {
  return (
    <div className="torc-Legend">
      {counted(props.counts).map(([status, n]) => (
        <button
          key={status.name}
          type="button"
          className="torc-Chip"
          title={`${status.sentence} Show these jobs.`}
          onClick={() => props.onChoose(status.name)}
        >
          <Patch status={status.name} colour={status.colour} />
          {number(n)} {status.name}
        </button>
      ))}
    </div>
  );
}

/** A status's colour. */
export function Patch(props: { status: string; colour: string }): JSX.Element {
  return <span className="torc-Patch" data-status={props.status} style={{ background: props.colour }} />;
}
