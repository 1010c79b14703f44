import type { EventBus } from './events/bus.ts';
import type { KernelCallHandlers } from './host-calls.ts';
import type { Caller, StateSpace, StateStore } from './ports.ts';

const CONTROL_PLANE = 't_system';
const DEFAULT_PAGE = 100;

/** The host calls the kernel does itself: events and the durable state of an extension. */
export function kernelCalls(bus: EventBus, state: StateStore): KernelCallHandlers {
  return {
    'events.publish': (caller, params) =>
      bus.publishFrom(caller.extension, { ...params, context: eventContext(caller) }),
    'state.get': (caller, { key }) => state.get(spaceOf(caller), key),
    'state.set': (caller, { key, value }) => state.set(spaceOf(caller), key, value),
    'state.delete': async (caller, { key }) => ({ deleted: await state.delete(spaceOf(caller), key) }),
    'state.list': async (caller, { prefix = '', after = '', limit = DEFAULT_PAGE }) => ({
      entries: await state.list(spaceOf(caller), { prefix, after, limit }),
    }),
    'state.compareAndSet': (caller, { key, value, version }) =>
      state.compareAndSet(spaceOf(caller), key, value, version),
  };
}

/** State is per tenant; what runs without a request belongs to the control plane. */
function spaceOf({ extension, request }: Caller): StateSpace {
  return { extension, tenantId: request?.tenantId ?? CONTROL_PLANE };
}

function eventContext({ request }: Caller): Record<string, string | null> {
  if (request === null) return { tenant_id: CONTROL_PLANE };
  return { tenant_id: request.tenantId, user_id: request.principal?.id ?? null, trace_id: request.traceId };
}
