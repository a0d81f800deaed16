/**
 * The panel in the side bar.
 */

import { Clipboard, ReactWidget, UseSignal } from '@jupyterlab/apputils';
import React from 'react';

import { IAddress } from './answers';
import { Detail } from './detail';
import { clock, line } from './format';
import { icon } from './icon';
import { List } from './list';
import { IOffer } from './offers';
import { Workflows } from './workflows';

/** What the panel lets others do. */
export interface IPanelActs {
  readonly act: (offer: IOffer) => void;
  readonly attach: () => void;
}

/** Shows the list of workflows, or the one that is opened. */
export class Panel extends ReactWidget {
  constructor(
    private readonly _model: Workflows,
    private readonly _acts: IPanelActs
  ) {
    super();
    this.id = 'torc-nb-panel';
    this.title.icon = icon;
    this.title.caption = 'Workflows (torc_nb)';
    this.addClass('torc-Panel');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Workflows');
  }

  /** Whether workflows of which all jobs have finished are listed. */
  set finished(shown: boolean) {
    this._finished = shown;
    this.update();
  }

  protected override onAfterShow(): void {
    this._model.isSeen = true;
  }

  protected override onAfterHide(): void {
    this._model.isSeen = false;
  }

  protected override render(): JSX.Element {
    return (
      <UseSignal signal={this._model.changed}>
        {() => <Content model={this._model} acts={this._acts} finished={this._finished} />}
      </UseSignal>
    );
  }

  private _finished = true;
}

function Content(props: { model: Workflows; acts: IPanelActs; finished: boolean }): JSX.Element {
  const { model, acts } = props;
  const [filter, setFilter] = React.useState('');
  const { opened, said } = model;
  const workflow = opened && model.find(opened.address);
  const open = (of: IAddress) => model.open(of);
  return (
    <>
      <header className="torc-Head">
        <span>Workflows</span>
        <button type="button" className="torc-Button" title="Look now" onClick={() => void model.refresh()}>
          Refresh
        </button>
      </header>
      <Trouble model={model} />
      {said && (
        <div className={said.isWrong ? 'torc-Alert' : 'torc-Done'} role={said.isWrong ? 'alert' : 'status'}>
          <span>{line(said.text, 1000)}</span>
          <button type="button" className="torc-Button" aria-label="Take this message away" onClick={() => model.say(null)}>
            ✕
          </button>
        </div>
      )}
      {opened ? (
        <Detail
          key={`${opened.address.database}/${opened.address.id}`}
          opened={opened}
          workflow={workflow}
          database={model.databases.get(opened.address.database)}
          onBack={() => model.open(null)}
          onAct={acts.act}
          onAttach={acts.attach}
          onCopy={text => Clipboard.copyToSystem(text)}
        />
      ) : model.all ? (
        <List
          all={model.all}
          databases={model.databases}
          filter={filter}
          finished={props.finished}
          onFilter={setFilter}
          onOpen={open}
        />
      ) : model.trouble ? null : (
        <div className="torc-Empty">…</div>
      )}
    </>
  );
}

/** That what stands below is old, and why. */
function Trouble(props: { model: Workflows }): JSX.Element | null {
  const { model } = props;
  const source = model.trouble !== null || !model.opened ? model : model.opened;
  if (source.trouble === null) {
    return null;
  }
  const since = source.answered === null ? '' : ` What stands here is of ${clock(source.answered / 1000)}.`;
  return (
    <div className="torc-Alert torc-Stale" role="alert">
      {line(source.trouble, 1000)}
      {since}
    </div>
  );
}
