/**
 * What was told in any window of this browser.
 */

import { ITold } from './noticing';

const BEGIN = 'torc-nb:told:';

/** Kept where all windows of one origin see it; one of them at a time looks and writes. */
export class Told implements ITold {
  constructor(private readonly _kept: Pick<Storage, 'getItem' | 'setItem'>) {}

  claim(what: string, since: number): Promise<boolean> {
    const look = () => this._claim(BEGIN + what, since);
    // Browsers have locks only where the page came by https, or from this machine.
    return globalThis.navigator?.locks ? navigator.locks.request(BEGIN + what, look) : Promise.resolve(look());
  }

  private _claim(key: string, since: number): boolean {
    if (Number(this._kept.getItem(key) ?? 0) >= since) {
      return false;
    }
    this._kept.setItem(key, String(Date.now()));
    return true;
  }
}
