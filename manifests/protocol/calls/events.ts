import type { Json } from '../../json.ts';
import { type CallRow, object, TRANSACTION_ERRORS, transaction } from './row.ts';

export interface EventsCalls {
  'events.publish': {
    params: { type: string; data: Json; eventId?: string; transaction?: string };
    /** In a transaction an event has no number before the commit: `null`. */
    result: { eventId: string; sequence: number | null };
  };
}

export const EVENTS_ROWS = {
  'events.publish': {
    needs: { capability: 'api.emit_events' },
    deadlineMs: 5_000,
    errors: ['E_EVENT_SCHEMA', 'E_EVENT_NAMESPACE', ...TRANSACTION_ERRORS],
    params: object(
      {
        type: { type: 'string', maxLength: 160 },
        data: {},
        eventId: { type: 'string', format: 'uuid' },
        transaction,
      },
      ['type', 'data'],
    ),
  },
} as const satisfies { readonly [C in keyof EventsCalls]: CallRow };
