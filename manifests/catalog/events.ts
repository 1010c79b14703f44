import type { CapabilityName } from './capabilities.ts';
import type { ComponentId } from './components.ts';

export interface EventRow {
  readonly component: ComponentId | 'kernel';
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
const nullable = { type: ['string', 'null'] } as const;
const number = { type: 'number' } as const;
const databaseOfProject = object({ project: string, database: string });
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
    meaning: 'A migration of an extension ran, or one of an operator in a database of a project.',
    requires: ['database.read'],
    data: object(
      {
        extension: string,
        project: string,
        database: string,
        migration: string,
        direction: { enum: ['up', 'down'] },
      },
      ['migration', 'direction'],
    ),
  },
  'database.connection.failed': {
    component: 'magds',
    meaning:
      'An extension got no connection to its database: none was free in time, or the server takes none.',
    requires: ['database.read'],
    highRate: true,
    data: object({ extension: string, code: string }),
  },
  'database.created': {
    component: 'magds',
    meaning: 'A database was made in a project.',
    requires: ['database.read'],
    data: databaseOfProject,
  },
  'database.removed': {
    component: 'magds',
    meaning: 'A database of a project was removed, with all that was in it.',
    requires: ['database.read'],
    data: databaseOfProject,
  },
  'database.policy.created': {
    component: 'magds',
    meaning: 'A row-level-security policy was made.',
    requires: ['database.read'],
    data: object({ project: string, database: string, table: string, policy: string }),
  },
  'database.backup.completed': {
    component: 'magds',
    meaning: 'A backup of a database is there.',
    requires: ['database.read'],
    data: object({ project: string, database: string, backup: string, size_bytes: integer }),
  },
  'database.backup.failed': {
    component: 'magds',
    meaning: 'A backup of a database could not be made.',
    requires: ['database.read'],
    data: object({ project: string, database: string, backup: string, code: string }),
  },
  'database.restored': {
    component: 'magds',
    meaning: 'A database is again what it was when a backup was made.',
    requires: ['database.read'],
    data: object({ project: string, database: string, backup: string }),
  },
  'database.restore_point.created': {
    component: 'magds',
    meaning: 'A named place in the write-ahead log of the server was made.',
    requires: ['database.read'],
    data: object({ project: string, name: string, lsn: string }),
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
  'api.error.occurred': {
    component: 'maggate',
    meaning:
      'A request was answered with a status of 500 or more. `code` is null where an extension answered so itself.',
    requires: ['api.intercept_request'],
    highRate: true,
    data: object({ extension: nullable, method: string, path: string, status: integer, code: nullable }),
  },
  'api.rate_limit.exceeded': {
    component: 'maggate',
    meaning:
      'Somebody sent more requests than a limit allows. Told once in ten seconds of each; `by` is the extension whose limit it is.',
    requires: ['api.intercept_request'],
    highRate: true,
    data: object({ extension: nullable, principal: nullable, by: nullable }),
  },
  'job.completed': {
    component: 'jobs',
    meaning: 'A job of an extension ran to its end.',
    requires: ['system.background_jobs'],
    highRate: true,
    data: object({ extension: string, job: string, id: string, attempt: integer, duration_ms: number }),
  },
  'job.failed': {
    component: 'jobs',
    meaning: 'A job of an extension failed for the last time.',
    requires: ['system.background_jobs'],
    data: object({ extension: string, job: string, id: string, attempts: integer, code: string }),
  },
  'auth.user.login': {
    component: 'magauth',
    meaning: 'Somebody logged in with a provider.',
    requires: [],
    data: object({ principal: string, provider: string, session: string }),
  },
  'auth.user.logout': {
    component: 'magauth',
    meaning: 'Somebody logged out, or an operator ended the session.',
    requires: [],
    data: object({ principal: string, session: string }),
  },
  'realtime.connection.opened': {
    component: 'magws',
    meaning: 'A client connected to /ws and is known, or needs not to be.',
    requires: [],
    highRate: true,
    data: object({ connection: string, principal: nullable }),
  },
  'realtime.subscription.created': {
    component: 'magws',
    meaning: 'A client subscribed to a channel.',
    requires: [],
    highRate: true,
    data: object({ connection: string, principal: nullable, channel: string }),
  },
  'realtime.message.sent': {
    component: 'magws',
    meaning: 'A message was sent to the clients in a channel. What it says is not part of it.',
    requires: [],
    highRate: true,
    data: object({ channel: string, sequence: integer, bytes: integer }),
  },
  'realtime.connection.closed': {
    component: 'magws',
    meaning: 'A connection to /ws ended; `code` is that of the WebSocket protocol.',
    requires: [],
    highRate: true,
    data: object({ connection: string, principal: nullable, code: integer, duration_ms: number }),
  },
  'auth.token.expired': {
    component: 'magauth',
    meaning: 'The time of an API token or a session was over. Told once, within seconds.',
    requires: [],
    data: object({ principal: string, kind: { enum: ['token', 'session'] }, id: string }),
  },
  'auth.permission.denied': {
    component: 'magauth',
    meaning: 'A principal was refused.',
    requires: [],
    data: object({ principal: string, action: string }),
  },
  'secrets.rotated': {
    component: 'secrets',
    meaning:
      'A secret has a new value, or is kept elsewhere: who uses it reads it again. Its name, never its value.',
    requires: ['system.secrets'],
    data: object({ name: string, extension: nullable, tenant: nullable, version: integer }),
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
