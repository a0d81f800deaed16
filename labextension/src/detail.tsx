/**
 * One workflow, opened.
 */

import React from 'react';

import { IDatabase, IOverview, IWorkflow, ListName, Row } from './answers';
import { Bar, Legend } from './bar';
import { Chosen } from './chosen';
import { line, lines, progress } from './format';
import { Jobs } from './jobs';
import { Maps } from './maps';
import { IOffer, offers, rerunJob } from './offers';
import { OpenedWorkflow, TABS } from './opened';
import { Output } from './output';
import { Results } from './results';
import { Table } from './table';

/** What the view of one workflow needs. */
export interface IDetailProps {
  readonly opened: OpenedWorkflow;
  /** What the list says of it; null till it is known there. */
  readonly workflow: IWorkflow | null;
  readonly database: IDatabase | undefined;
  readonly onBack: () => void;
  readonly onAct: (offer: IOffer) => void;
  readonly onAttach: () => void;
  readonly onCopy: (text: string) => void;
}

/** Numbers, buttons, and the tab that was chosen. */
export function Detail(props: IDetailProps): JSX.Element {
  const { opened, workflow } = props;
  const overview = opened.overview;
  const now: IWorkflow | null = overview ?? workflow; // the list is older
  const counts = now?.statuses ?? {};
  return (
    <div className="torc-Detail">
      <div className="torc-Tools">
        <button type="button" className="torc-Button" onClick={props.onBack}>
          ← All
        </button>
        <span className="torc-Gap" />
        <button
          type="button"
          className="torc-Button"
          disabled={!now}
          title="Insert the cell that opens this workflow into the notebook"
          onClick={props.onAttach}
        >
          Open in notebook
        </button>
      </div>
      <h2 className="torc-Title">
        <bdi>{line(now?.name ?? '')}</bdi>
      </h2>
      <div className="torc-Quiet torc-Path">
        <bdi>{line(props.database?.place ?? '')}</bdi>
      </div>
      <Bar counts={counts} />
      <Legend counts={counts} onChoose={status => opened.show({ status })} />
      <Said overview={overview} workflow={now} />
      {now && <Buttons offers={offers(now, overview)} onAct={props.onAct} />}
      {opened.reading ? (
        <Output
          reading={opened.reading}
          onClose={() => opened.read(null)}
          onCopy={props.onCopy}
          onRerun={now && overview && !overview.read_only && now.state !== 'created' ? job => props.onAct(rerunJob(job)) : null}
        />
      ) : (
        <Tabs {...props} />
      )}
    </div>
  );
}

function Said(props: { overview: IOverview | null; workflow: IWorkflow | null }): JSX.Element {
  const { overview, workflow } = props;
  const waiting = overview?.allocations?.waiting ?? [];
  const failed = overview?.allocations?.failed ?? [];
  const said = overview ? overview.jobs.said.join(' · ') : workflow ? progress(workflow.statuses, workflow.total) : '…';
  return (
    <>
      <div role="status">{line(said)}</div>
      {[overview?.workers?.title, ...(overview?.jobs.notes ?? [])].filter(Boolean).map(text => (
        <div key={text} className="torc-Quiet">
          {line(text)}
        </div>
      ))}
      {waiting.map((one, n) => (
        <div key={n} className="torc-Quiet">
          {line(one.what)} {line(one.why)}
        </div>
      ))}
      {failed.map((one, n) => (
        <details key={n} className="torc-Alert">
          <summary>{line(one.what)}</summary>
          {one.log && <pre className="torc-Output">{lines(one.log)}</pre>}
          <div className="torc-Quiet torc-Path">{line(one.path, 1000)}</div>
        </details>
      ))}
    </>
  );
}

function Buttons(props: { offers: readonly IOffer[]; onAct: (offer: IOffer) => void }): JSX.Element {
  return (
    <div className="torc-Buttons">
      {props.offers.map(offer => (
        <button key={offer.label} type="button" className="torc-Button" onClick={() => props.onAct(offer)}>
          {offer.label}
        </button>
      ))}
    </div>
  );
}

function Tabs(props: IDetailProps): JSX.Element {
  const { opened } = props;
  return (
    <>
      <div className="torc-Tabs" role="tablist" aria-label="Of this workflow" onKeyDown={event => turn(event, opened)}>
        {TABS.map(tab => (
          <button
            key={tab}
            type="button"
            role="tab"
            id={`torc-tab-${tab}`}
            aria-selected={tab === opened.tab}
            aria-controls="torc-tab-panel"
            tabIndex={tab === opened.tab ? 0 : -1}
            onClick={() => opened.choose(tab)}
          >
            {tab}
          </button>
        ))}
      </div>
      <div className="torc-TabPanel" role="tabpanel" id="torc-tab-panel" aria-labelledby={`torc-tab-${opened.tab}`}>
        <List key={opened.tab} {...props} />
      </div>
    </>
  );
}

const NOTHING: Partial<Record<ListName, string>> = {
  failures: 'No job failed.',
  workers: 'No worker yet.',
  allocations: 'Nothing was asked of Slurm, and no worker started here.',
  events: 'Nothing happened yet.'
};

/** The list that was chosen. */
function List(props: IDetailProps): JSX.Element {
  const { opened, onCopy } = props;
  const list = opened.tab;
  const rows = opened.rows(list);
  const read = (job: number) => opened.read(job);
  if (list === 'maps') {
    return <Maps rows={rows} onShow={filter => opened.show(filter)} />;
  }
  if (list === 'jobs') {
    return <Jobs rows={rows} onRead={read} onCopy={onCopy} />;
  }
  if (list === 'results') {
    return <Results opened={opened} onCopy={onCopy} />;
  }
  return (
    <Table
      list={list}
      label={list}
      rows={rows}
      nothing={NOTHING[list]!}
      job={row => jobOf(row)}
      onRead={read}
      onCopy={onCopy}
      chosen={row => <Chosen list={list} row={row} />}
    />
  );
}

/** The job that a failure or an event is about. */
function jobOf(row: Row): number | null {
  const job = row.job ?? row.job_id;
  return typeof job === 'number' ? job : null;
}

/** Arrow keys go from tab to tab. */
function turn(event: React.KeyboardEvent<HTMLElement>, opened: OpenedWorkflow): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step) {
    const next: ListName = TABS[(TABS.indexOf(opened.tab) + step + TABS.length) % TABS.length];
    opened.choose(next);
    event.currentTarget.querySelector<HTMLElement>(`#torc-tab-${next}`)?.focus();
    event.preventDefault();
  }
}
