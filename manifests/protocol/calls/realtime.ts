import type { Json } from '../../json.ts';
import type { Presence } from '../../sdk/host-api.ts';
import { type CallRow, name, object } from './row.ts';

export interface RealtimeCalls {
  'realtime.broadcast': {
    params: { channel: string; data: Json };
    /** The number of the message in its channel and tenant. */
    result: { sequence: number };
  };
  'realtime.presence': { params: { channel: string }; result: Presence };
}

export const REALTIME_ROWS = {
  'realtime.broadcast': {
    adapter: { component: 'magws', hook: 'broadcast' },
    needs: { anyOf: ['realtime.broadcast'] },
    deadlineMs: 5_000,
    errors: ['E_NOT_FOUND', 'E_STORAGE'],
    params: object({ channel: name, data: {} }, ['channel', 'data']),
  },
  'realtime.presence': {
    adapter: { component: 'magws', hook: 'presence' },
    needs: { anyOf: ['realtime.register_channel'] },
    deadlineMs: 5_000,
    errors: ['E_NOT_FOUND', 'E_STORAGE'],
    params: object({ channel: name }, ['channel']),
  },
} as const satisfies { readonly [C in keyof RealtimeCalls]: CallRow };
