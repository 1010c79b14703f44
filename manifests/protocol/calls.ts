import type { Code } from '../catalog/codes.ts';
import { AUTH_ROWS, type AuthCalls } from './calls/auth.ts';
import { DB_ROWS, type DbCalls } from './calls/db.ts';
import { EVENTS_ROWS, type EventsCalls } from './calls/events.ts';
import { EXTENSIONS_ROWS, type ExtensionsCalls } from './calls/extensions.ts';
import { FILES_ROWS, type FilesCalls } from './calls/files.ts';
import { HTTP_ROWS, type HttpCalls } from './calls/http.ts';
import { JOBS_ROWS, type JobsCalls } from './calls/jobs.ts';
import { KEYS_ROWS, type KeysCalls } from './calls/keys.ts';
import { METRICS_ROWS, type MetricsCalls } from './calls/metrics.ts';
import { REALTIME_ROWS, type RealtimeCalls } from './calls/realtime.ts';
import type { CallRow } from './calls/row.ts';
import { SECRETS_ROWS, type SecretsCalls } from './calls/secrets.ts';
import { STATE_ROWS, type StateCalls } from './calls/state.ts';
import { STORES_ROWS, type StoresCalls } from './calls/stores.ts';

export type { CallRow };

/**
 * The one table of everything an extension can ask the host for. Nothing else crosses the wall, and a row
 * does not compile until a handler exists on the host side. The sandbox side is built from the same rows.
 * The calls of a family are in the file of its name, with their types; what an author meets too is said in the SDK.
 */
export interface HostCalls
  extends DbCalls,
    EventsCalls,
    StateCalls,
    StoresCalls,
    HttpCalls,
    FilesCalls,
    JobsCalls,
    AuthCalls,
    RealtimeCalls,
    ExtensionsCalls,
    MetricsCalls,
    SecretsCalls,
    KeysCalls {}

export type CallName = keyof HostCalls;

const ROWS = {
  ...DB_ROWS,
  ...EVENTS_ROWS,
  ...STATE_ROWS,
  ...STORES_ROWS,
  ...HTTP_ROWS,
  ...FILES_ROWS,
  ...JOBS_ROWS,
  ...AUTH_ROWS,
  ...REALTIME_ROWS,
  ...EXTENSIONS_ROWS,
  ...METRICS_ROWS,
  ...SECRETS_ROWS,
  ...KEYS_ROWS,
} satisfies { readonly [C in CallName]: CallRow };

export const CALLS: { readonly [C in CallName]: CallRow } = ROWS;

/** The rows the kernel answers itself: those that name no adapter. */
export type KernelCallName = {
  [C in CallName]: (typeof ROWS)[C] extends { readonly adapter: object } ? never : C;
}[CallName];

/** What any call may fail with. */
export const OF_EVERY_CALL: readonly Code[] = ['E_PARAMS', 'E_LIMIT_OUTPUT', 'E_LIMIT_RATE', 'E_SHUTDOWN'];
/** What a call that needs a capability may fail with. */
export const OF_CAPABILITIES: readonly Code[] = ['E_CAP_UNDECLARED', 'E_CAP_REVOKED', 'E_CAP_SCOPE'];

/** All that a call may fail with: what a guest may meet, and may let through to its own caller. */
export function errorsOf({ needs, errors }: CallRow): readonly Code[] {
  return [...(needs === 'none' ? [] : OF_CAPABILITIES), ...errors, ...OF_EVERY_CALL];
}

/** Whether a name from across the wall is a row of the table. */
export function isCall(name: string): name is CallName {
  return Object.hasOwn(CALLS, name);
}
