/**
 * Typed calls of the server.
 */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { IAction, IAddress, IDatabase, IDone, ILogs, IOverview, IPage, IWorkflow, ListName } from './answers';

/** Which part of a list is asked for. */
export interface IPart {
  readonly offset?: number;
  readonly limit?: number;
  readonly status?: string;
  readonly map?: string;
  /** The column by which the server sorts, and in which direction; by id where none is named. */
  readonly sort?: string;
  readonly order?: 'asc' | 'desc';
}

/** What models ask; tests answer it themselves. */
export interface IApi {
  /** All workflows; null where nothing changed since they were asked for last. */
  workflows(): Promise<readonly IWorkflow[] | null>;
  /** All databases; null where nothing changed. */
  databases(): Promise<readonly IDatabase[] | null>;
  overview(of: IAddress): Promise<IOverview>;
  list(of: IAddress, name: ListName, part?: IPart): Promise<IPage>;
  logs(of: IAddress, job: number): Promise<ILogs>;
  act(of: IAddress, action: IAction): Promise<IDone>;
}

/** The server refuses, in a sentence with the next thing to do. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly kind: string
  ) {
    super(message);
  }
}

/** The server extension of torc_nb. */
export class Server implements IApi {
  constructor(private readonly _settings = ServerConnection.makeSettings()) {}

  workflows(): Promise<readonly IWorkflow[] | null> {
    return this._changed('workflows');
  }

  databases(): Promise<readonly IDatabase[] | null> {
    return this._changed('databases');
  }

  overview(of: IAddress): Promise<IOverview> {
    return this._get(path(of));
  }

  list(of: IAddress, name: ListName, part: IPart = {}): Promise<IPage> {
    const given = Object.entries(part).filter(([, value]) => value !== undefined && value !== '');
    const query = URLExt.objectToQueryString(Object.fromEntries(given));
    return this._get(`${path(of)}/${name}${given.length ? query : ''}`);
  }

  logs(of: IAddress, job: number): Promise<ILogs> {
    return this._get(`${path(of)}/jobs/${job}/logs`);
  }

  async act(of: IAddress, action: IAction): Promise<IDone> {
    const body = JSON.stringify(action);
    return read(await this._request(`${path(of)}/actions`, { method: 'POST', body }));
  }

  /** Ask for what may be as it was: null then. */
  private async _changed<T>(place: string): Promise<T | null> {
    const tag = this._tags.get(place);
    const headers: Record<string, string> = tag ? { 'If-None-Match': tag } : {};
    const response = await this._request(place, { headers, cache: 'no-store' });
    if (response.status === 304) {
      return null;
    }
    const found = await read<T>(response);
    this._tags.set(place, response.headers.get('ETag'));
    return found;
  }

  private async _get<T>(place: string): Promise<T> {
    return read(await this._request(place, {}));
  }

  private async _request(place: string, init: RequestInit): Promise<Response> {
    const url = URLExt.join(this._settings.baseUrl, 'torc-nb', place);
    try {
      return await ServerConnection.makeRequest(url, init, this._settings);
    } catch (error) {
      throw new Refused('The Jupyter server does not answer; is it still running?', 'NoAnswer');
    }
  }

  private _tags = new Map<string, string | null>();
}

function path(of: IAddress): string {
  return `databases/${encodeURIComponent(of.database)}/workflows/${of.id}`;
}

async function read<T>(response: Response): Promise<T> {
  if (response.ok) {
    return response.json() as Promise<T>;
  }
  const said = await response.json().catch(() => null);
  const error = said?.error;
  if (typeof error?.message === 'string') {
    throw new Refused(error.message, String(error.kind));
  }
  if (response.status === 404) {
    throw new Refused(
      "The Jupyter server does not know torc_nb; restart it, and see that `jupyter server extension list` shows torc_nb.",
      'NoExtension'
    );
  }
  throw new Refused(`The Jupyter server answers ${response.status} ${response.statusText}.`, 'Other');
}
