import type { TransactionState, Transactions } from '../../kernel/ports.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { type ExtensionConnections, MAX_CONNECTIONS } from './extension-connections.ts';
import type { HostConnection } from './host-connection.ts';
import { beginAsTenant } from './query.ts';
import { Slots } from './slots.ts';
import { ExtensionTransaction, type HostSide } from './transaction.ts';

/** One connection is left for statements outside of transactions: they would wait for each other forever. */
const MAX_TRANSACTIONS = MAX_CONNECTIONS - 1;
/** Milliseconds to wait for a connection, and to begin on it. */
const BEGIN_MS = 5_000;
const STATE_MS = 10_000;

export interface TransactionsOptions {
  readonly host: HostConnection;
  readonly connections: ExtensionConnections;
  readonly side: HostSide;
}

export function createTransactions({ host, connections, side }: TransactionsOptions): Transactions {
  const slots = new Slots(MAX_TRANSACTIONS);
  return {
    async begin({ extension, tenantId, signal, maxMs }) {
      const soon = AbortSignal.any([signal, AbortSignal.timeout(BEGIN_MS)]);
      const onOver = await slots.enter(extension, soon);
      try {
        const client = await connections.acquire(extension, BEGIN_MS);
        const transaction = new ExtensionTransaction({ host, client, side, maxMs, onOver });
        await transaction
          .run(soon, BEGIN_MS, (on) => on.query(beginAsTenant(tenantId)))
          .catch(async (cause) => {
            await transaction.rollback();
            throw cause;
          });
        return transaction;
      } catch (failure) {
        onOver();
        throw failure;
      }
    },
    state: stateOn(async (extension, work) => {
      const client = await connections.acquire(extension, BEGIN_MS);
      const one = new ExtensionTransaction({ host, client, side, maxMs: STATE_MS, onOver: () => undefined });
      try {
        return await work(one.state(new AbortController().signal)); // one statement: a transaction by itself
      } finally {
        await one.rollback();
      }
    }),
  };
}

type WithState = <Result>(
  extension: ExtensionId,
  work: (state: TransactionState) => Promise<Result>,
) => Promise<Result>;

function stateOn(withState: WithState): TransactionState {
  return {
    get: (space, key) => withState(space.extension, (state) => state.get(space, key)),
    set: (space, key, value) => withState(space.extension, (state) => state.set(space, key, value)),
    delete: (space, key) => withState(space.extension, (state) => state.delete(space, key)),
    list: (space, options) => withState(space.extension, (state) => state.list(space, options)),
    compareAndSet: (space, key, value, version) =>
      withState(space.extension, (state) => state.compareAndSet(space, key, value, version)),
  };
}
