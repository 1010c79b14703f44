import type { CapabilityName } from './capabilities.ts';

export interface EventRow {
  readonly component: 'magds' | 'maggate' | 'magauth' | 'kernel';
  readonly meaning: string;
  /** What a subscriber must hold besides `realtime.subscribe_events`. */
  readonly requires: readonly CapabilityName[];
  /** Only written to the log while somebody subscribes: it happens on every request. */
  readonly highRate?: true;
  /** JSON Schema of `data`. */
  readonly data: Readonly<Record<string, unknown>>;
}

const object = (properties: Record<string, unknown>, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const string = { type: 'string' } as const;
const integer = { type: 'integer' } as const;
const number = { type: 'number' } as const;
const extensionMove = object({ extension: string, version: string });

/** The event types the host itself publishes. Extensions add theirs in their manifest. */
export const EVENTS = {
  'database.query.executed': {
    component: 'magds',
    meaning: 'An extension ran a statement. The text and its parameters are not part of it.',
    requires: ['database.read'],
    highRate: true,
    data: object({ extension: string, command: string, duration_ms: number, rows_returned: integer }),
  },
  'database.migration.applied': {
    component: 'magds',
    meaning: 'A migration of an extension ran.',
    requires: ['database.read'],
    data: object({ extension: string, migration: string, direction: { enum: ['up', 'down'] } }),
  },
  'api.request.received': {
    component: 'maggate',
    meaning: 'A request for an extension endpoint arrived.',
    requires: ['api.intercept_request'],
    highRate: true,
    data: object({ extension: string, method: string, path: string }),
  },
  'api.response.sent': {
    component: 'maggate',
    meaning: 'An extension endpoint was answered.',
    requires: ['api.intercept_request'],
    highRate: true,
    data: object({ extension: string, method: string, path: string, status: integer, duration_ms: number }),
  },
  'auth.permission.denied': {
    component: 'magauth',
    meaning: 'A principal was refused.',
    requires: [],
    data: object({ principal: string, action: string }),
  },
  'extension.installed': {
    component: 'kernel',
    meaning: 'An extension was installed.',
    requires: [],
    data: extensionMove,
  },
  'extension.enabled': {
    component: 'kernel',
    meaning: 'An extension was enabled.',
    requires: [],
    data: extensionMove,
  },
  'extension.disabled': {
    component: 'kernel',
    meaning: 'An extension was disabled, by an operator or by itself failing.',
    requires: [],
    data: object({ extension: string, version: string, reason: string }, ['extension', 'version']),
  },
  'extension.upgraded': {
    component: 'kernel',
    meaning: 'An extension was switched to another version, by an upgrade or a rollback.',
    requires: [],
    data: extensionMove,
  },
  'extension.uninstalled': {
    component: 'kernel',
    meaning: 'An extension was uninstalled.',
    requires: [],
    data: extensionMove,
  },
  'extension.error': {
    component: 'kernel',
    meaning: 'An extension was refused, failed or was terminated.',
    requires: [],
    data: object({ extension: string, version: string, code: string, detail: string }),
  },
  'extension.health_check.failed': {
    component: 'kernel',
    meaning: 'A health check failed.',
    requires: [],
    data: object({ extension: string, version: string, check: string, detail: string }),
  },
  'extension.quarantined': {
    component: 'kernel',
    meaning: 'An extension was terminated and stays off until an operator enables it.',
    requires: [],
    data: object({ extension: string, version: string, code: string }),
  },
} as const satisfies Record<string, EventRow>;

/** An event type of the host. */
export type EventType = keyof typeof EVENTS;

export function isHostEvent(type: string): type is EventType {
  return Object.hasOwn(EVENTS, type);
}

/** The row of a host event type, typed wide. */
export function eventRow(type: EventType): EventRow {
  return EVENTS[type];
}
