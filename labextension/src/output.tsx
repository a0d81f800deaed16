/**
 * What a job printed.
 */

import React from 'react';

import { lines } from './format';
import { IReading } from './opened';

/** stdout, stderr and the traceback of a job's last attempt. */
export function Output(props: {
  reading: IReading;
  onClose: () => void;
  onCopy: (text: string) => void;
  onRerun: ((job: number) => void) | null;
}): JSX.Element {
  const { job, logs } = props.reading;
  const parts: [string, string][] = logs
    ? [
        ['traceback', logs.traceback ?? ''],
        ['stdout', logs.stdout],
        ['stderr', logs.stderr]
      ]
    : [];
  const written = parts.filter(([, text]) => text);
  return (
    <section className="torc-Reading" aria-label={`Output of job ${job}`}>
      <div className="torc-Tools">
        <button type="button" className="torc-Button" onClick={props.onClose}>
          ← Back
        </button>
        <span className="torc-Name">Job {job}</span>
        {logs?.attempt ? <span className="torc-Quiet">attempt {logs.attempt}</span> : null}
        <span className="torc-Gap" />
        {props.onRerun && (
          <button type="button" className="torc-Button" onClick={() => props.onRerun!(job)}>
            Rerun …
          </button>
        )}
        <button
          type="button"
          className="torc-Button"
          disabled={!written.length}
          onClick={() => props.onCopy(written.map(([, text]) => text).join('\n'))}
        >
          Copy
        </button>
      </div>
      {!logs && <div className="torc-Empty">…</div>}
      {logs && !written.length && <div className="torc-Empty">It printed nothing so far.</div>}
      {written.map(([name, text]) => (
        <React.Fragment key={name}>
          <div className="torc-Quiet">{name}</div>
          <pre className="torc-Output" data-output={name} tabIndex={0}>
            {lines(text)}
          </pre>
        </React.Fragment>
      ))}
    </section>
  );
}
