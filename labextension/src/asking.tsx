/**
 * Dialogs: nothing is done that was not asked for.
 */

import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import React from 'react';

import { IAction, IDone, Row } from './answers';
import { count, line, number } from './format';
import { IOffer } from './offers';
import { ISaid } from './workflows';

/** So many rows of a dry run are shown. */
const SHOWN = 100;

/** Ask, and do it if the answer is yes; returns what to say, nothing after a no. */
export async function ask(offer: IOffer, title: string, act: (action: IAction) => Promise<IDone>): Promise<ISaid | null> {
  try {
    const action = await confirmed(offer, title, act);
    return action && { text: (await act(action)).said, isWrong: false };
  } catch (error) {
    return { text: error instanceof Error ? error.message : String(error), isWrong: true };
  }
}

async function confirmed(
  offer: IOffer,
  title: string,
  act: (action: IAction) => Promise<IDone>
): Promise<IAction | null> {
  if (offer.missing) {
    await showDialog({
      title: line(title, 100),
      body: <div className="torc-Dialog">{offer.missing}</div>,
      buttons: [Dialog.okButton({ label: 'Close' })]
    });
    return null;
  }
  if (offer.number) {
    const nodes = await howMany(offer, title);
    return nodes === null ? null : { ...offer.action, nodes };
  }
  const foreseen = offer.isForeseen ? await act({ ...offer.action, dry_run: true }) : null;
  const isIdle = foreseen?.rows?.length === 0;
  const yes = offer.isWarning ? Dialog.warnButton({ label: offer.yes }) : Dialog.okButton({ label: offer.yes });
  const answer = await showDialog({
    title: line(title, 100),
    body: (
      <div className="torc-Dialog">
        {isIdle ? null : <p>{offer.question}</p>}
        {foreseen && <Foreseen done={foreseen} />}
      </div>
    ),
    buttons: isIdle ? [Dialog.cancelButton({ label: 'Close' })] : [Dialog.cancelButton({ label: 'No' }), yes],
    defaultButton: offer.isWarning ? 0 : 1
  });
  return answer.button.accept ? offer.action : null;
}

async function howMany(offer: IOffer, title: string): Promise<number | null> {
  const answer = await InputDialog.getNumber({
    title: line(title, 100),
    label: offer.question,
    value: 1,
    okLabel: offer.yes,
    cancelLabel: 'No'
  });
  if (!answer.button.accept) {
    return null;
  }
  const nodes = answer.value ?? NaN;
  if (!Number.isInteger(nodes) || nodes < 1) {
    throw new Error('A whole number of nodes, 1 or more, is wanted.');
  }
  return nodes;
}

/** What would change, row by row. */
function Foreseen(props: { done: IDone }): JSX.Element {
  const rows = props.done.rows ?? [];
  const names = Object.keys(rows[0] ?? {}).filter(name => rows.some(row => line(row[name])));
  const groups = props.done.groups ?? [];
  const total = groups.reduce((sum, one) => sum + one.number, 0);
  const left = total - Math.min(rows.length, SHOWN);
  return (
    <>
      <p>{line(props.done.said, 500) || 'Nothing would change.'}</p>
      {groups.length > 0 && (
        <ul className="torc-Groups" aria-label="By map">
          {groups.slice(0, SHOWN).map((one, n) => (
            <li key={n}>
              {count(one.number, 'job')} of {one.map === null ? 'no map' : <bdi className="torc-Name">{line(one.map)}</bdi>}:{' '}
              {line(one.reason)}
            </li>
          ))}
        </ul>
      )}
      {rows.length > 0 && (
        <div className="torc-Foreseen" tabIndex={0} aria-label={count(rows.length, 'row')}>
          <table>
            <thead>
              <tr>
                {names.map(name => (
                  <th key={name}>{line(name)}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, SHOWN).map((row, n) => (
                <Changed key={n} row={row} names={names} />
              ))}
            </tbody>
          </table>
          {left > 0 && <div className="torc-Quiet">and {number(left)} more</div>}
        </div>
      )}
    </>
  );
}

function Changed(props: { row: Row; names: readonly string[] }): JSX.Element {
  return (
    <tr>
      {props.names.map(name => (
        <td key={name}>
          <bdi>{line(props.row[name])}</bdi>
        </td>
      ))}
    </tr>
  );
}
