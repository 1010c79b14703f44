import type { EventBus } from './events/bus.ts';
import { type EventContext, eventContextOf } from './events/event-context.ts';
import type { KernelCallHandlers } from './host-calls.ts';
import type { ExtensionCalls } from './lifecycle/extension-calls.ts';
import type { Caller, StateSpace, StateStore, TransactionState, Transactions } from './ports.ts';
import type { CallTransactions } from './transactions.ts';

const CONTROL_PLANE = 't_system';
const DEFAULT_PAGE = 100;

export interface KernelCallParts {
  readonly bus: EventBus;
  readonly state: StateStore;
  readonly transactions: Transactions;
  readonly open: CallTransactions;
  readonly extensions: ExtensionCalls;
}

/** The host calls the kernel does itself: transactions, events, the durable state of an extension, calls to others. */
export function kernelCalls(parts: KernelCallParts): KernelCallHandlers {
  const { bus, open, extensions } = parts;
  const stateOf = (caller: Caller) => stateFor(caller, parts);
  return {
    'db.begin': (caller) => open.begin(caller),
    'db.commit': (caller, { transaction }) => open.commit(caller, transaction),
    'db.rollback': (caller, { transaction }) => open.rollback(caller, transaction),
    'events.publish': async (caller, { transaction: id, ...event }) => {
      const publication = { ...event, context: contextOf(caller) };
      const transaction = await caller.transaction(id);
      if (transaction === null) return bus.publishFrom(caller.extension, publication);
      return bus.publishIn(transaction, caller.extension, publication, caller.signal);
    },
    'extensions.call': (caller, params) => extensions.call(caller, params),
    'state.get': async (caller, { key }) => (await stateOf(caller)).get(spaceOf(caller), key),
    'state.set': async (caller, { key, value }) => (await stateOf(caller)).set(spaceOf(caller), key, value),
    'state.delete': async (caller, { key }) => ({
      deleted: await (await stateOf(caller)).delete(spaceOf(caller), key),
    }),
    'state.list': async (caller, { prefix = '', after = '', limit = DEFAULT_PAGE }) => ({
      entries: await (await stateOf(caller)).list(spaceOf(caller), { prefix, after, limit }),
    }),
    'state.compareAndSet': async (caller, { key, value, version }) =>
      (await stateOf(caller)).compareAndSet(spaceOf(caller), key, value, version),
  };
}

/**
 * State is part of the transaction that an event is handled in. Who has such events waits for their locks on
 * connections of its own: on those of the host it would keep everybody waiting.
 */
async function stateFor(caller: Caller, parts: KernelCallParts): Promise<TransactionState> {
  const transaction = await caller.transaction();
  if (transaction !== null) return transaction.state(caller.signal);
  const { transactional } = caller.manifest.contributes.events;
  return transactional.length === 0 ? parts.state : parts.transactions.state;
}

/** State is per tenant; what runs without a request belongs to the control plane. */
function spaceOf({ extension, request }: Caller): StateSpace {
  return { extension, tenantId: request?.tenantId ?? CONTROL_PLANE };
}

function contextOf({ request }: Caller): EventContext {
  return request === null ? { tenant_id: CONTROL_PLANE } : eventContextOf(request);
}
