import { IPage, IWorkflow } from '../src/answers';
import type { IApi, IPart } from '../src/api';

/** A workflow as the server lists it. */
export function workflow(given: Partial<IWorkflow> = {}): IWorkflow {
  return {
    database: 'd', id: 1, name: 'sweep', user: 'ada', state: 'started', created: 0, total: 0, finished: 0,
    statuses: {}, is_done: false, trouble: null, ...given
  };
}

/** A page of as many jobs as were asked for. */
export function page(part: IPart, total: number | null): IPage {
  const { offset = 0, limit = 100 } = part;
  const n = Math.max(0, Math.min(limit, (total ?? offset + limit) - offset));
  return { rows: Array.from({ length: n }, (_, row) => ({ id: offset + row })), total, limit, offset };
}

/** Answers as it is told. */
export class Answering implements IApi {
  found: IWorkflow[] | null | Error = [];
  asked = 0;
  acts: unknown[] = [];
  lists: [string, IPart][] = [];

  async workflows(): Promise<readonly IWorkflow[] | null> {
    this.asked++;
    if (this.found instanceof Error) {
      throw this.found;
    }
    return this.found;
  }
  async databases() {
    return this.found === null ? null : [{ id: 'd', place: '/home/ada/.torc/torc.db', kind: 'sqlite', trouble: null }];
  }
  async overview() {
    return { ...workflow({ total: 3 }), read_only: false } as never;
  }
  async list(_of: unknown, name: string, part: IPart = {}) {
    this.lists.push([name, part]);
    return name === 'maps' ? { ...page(part, 2), rows: [{ name: 'run' }, { name: 'refine' }] } : page(part, 3);
  }
  async logs() {
    return { attempt: 1, stdout: 'hello', stderr: '', traceback: null };
  }
  async act(_of: unknown, action: unknown) {
    this.acts.push(action);
    return { said: 'done' };
  }
}
