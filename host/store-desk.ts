import {
  BUILT_IN_STORE,
  type StoreRecord,
  type StoresAdapter,
  storeUrlProblem,
} from '../adapters/stores/index.ts';
import { MagError, toMagError } from '../kernel/errors.ts';
import type { StoreAdmin, StoreCheck } from './api/services.ts';
import type { StoreRecords } from './storage/store-records.ts';

/** What operators do with the stores of their hosts. */
export function createStoreDesk(records: StoreRecords, adapter: Pick<StoresAdapter, 'driver'>): StoreAdmin {
  async function check(name: string): Promise<StoreCheck> {
    try {
      const driver = await adapter.driver(name);
      const report = await driver.check();
      return { name, ok: true, ...report, holders: await driver.holders() };
    } catch (failure) {
      const { code, message } = toMagError(failure);
      if (code === 'E_STORE_UNKNOWN') throw failure;
      return { name, ok: false, code, detail: message };
    }
  }

  return {
    check,

    list: async () => [
      {
        name: BUILT_IN_STORE,
        kind: 'postgres',
        url: null,
        username: null,
        passwordSecret: null,
        prefix: null,
      },
      ...(await records.list()),
    ],

    async add(record, createdBy) {
      const problem = storeUrlProblem(record.url);
      if (problem !== null) throw new MagError('E_BAD_REQUEST', `The address ${problem}.`);
      if (record.name === BUILT_IN_STORE)
        throw new MagError('E_EXISTS', 'Every host has the store postgres.');
      await records.add(record, createdBy);
      return { ...record, check: await check(record.name) };
    },

    async remove(name, { force }) {
      if (name === BUILT_IN_STORE) throw new MagError('E_STATE', 'Every host keeps the store postgres.');
      if (!force) await requireEmpty(name, adapter);
      if (!(await records.remove(name))) throw unknown(name);
    },
  };
}

/** @throws `E_STATE` when extensions keep data there, `E_STORE_UNAVAILABLE` when that cannot be known */
async function requireEmpty(name: string, adapter: Pick<StoresAdapter, 'driver'>): Promise<void> {
  const holders = await (await adapter.driver(name)).holders();
  if (holders.length === 0) return;
  const detail = `The store ${name} keeps data of ${holders.join(', ')}. With force it is left there, and found by nobody.`;
  throw new MagError('E_STATE', detail);
}

function unknown(name: StoreRecord['name']): MagError {
  return new MagError('E_STORE_UNKNOWN', `The host has no store ${name}.`);
}
