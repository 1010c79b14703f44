import { MagError } from '../../kernel/errors.ts';
import type { StoredEvent } from '../../kernel/ports.ts';
import { MAX_PAYLOAD_BYTES } from '../../manifests/protocol/limits.ts';
import { isStorable } from '../../manifests/storable-text.ts';

/** An event before it has a number. */
export type NewEvent = Omit<StoredEvent, 'sequence'>;

/** An event as the table takes it. */
export interface EventRow {
  readonly id: string;
  /** `YYYY-MM-DD`, of the time inside of the id: which partition it belongs to. */
  readonly day: string;
  readonly component: string;
  readonly type: string;
  readonly version: number;
  readonly emittedAt: string;
  readonly extension: string | null;
  readonly data: string;
  readonly context: string;
  readonly capabilities: string;
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const DAY_MS = 86_400_000;
const MAX_TEXT_CHARS = 256;
/** How long an event is kept, and how old the id of a new one may be. */
export const RETENTION_DAYS = 7;

/** Columns of `mag.events` as a `StoredEvent`; `data`, `context` and `capabilities` arrive parsed. */
export const EVENT_COLUMNS = `event_id, event_type, schema_version, emitted_at AS timestamp,
  json_build_object('component', component, 'extension', extension) AS source, sequence, data, context,
  capabilities AS capabilities_required`;

/** The UTC day `offset` days after the one of `time`, as `YYYY-MM-DD`. */
export function dayOf(time: number, offset = 0): string {
  const day = Math.floor(time / DAY_MS) + offset;
  if (day !== named.day) named = { day, name: new Date(day * DAY_MS).toISOString().slice(0, 10) };
  return named.name;
}

/** The day that was asked for last: all of a batch are of one. */
let named = { day: 0, name: '1970-01-01' };

/** The milliseconds since 1970 in a uuid v7; `null` when it is none. */
export function timeOfId(id: string): number | null {
  return UUID_V7.test(id) ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : null;
}

/** The lowest uuid v7 of a time. */
export function floorOf(time: Date): string {
  const hex = time.getTime().toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/**
 * Checks everything that could make Postgres refuse the row, so that one bad event cannot fail the batch it
 * would travel in.
 * @throws `E_EVENT_SCHEMA`
 */
export function toEventRow(event: NewEvent, now: number): EventRow {
  const { source, context, capabilities_required } = event;
  const texts = [event.event_type, event.timestamp, source.component, source.extension ?? ''];
  if (!texts.every((text) => text.length <= MAX_TEXT_CHARS && isStorable(text))) {
    throw refused('a field is too long or holds characters that cannot be stored');
  }
  if (!Number.isInteger(event.schema_version) || event.schema_version < 0 || event.schema_version > 32_767) {
    throw refused('schema_version is no version number');
  }
  return {
    id: event.event_id.toLowerCase(),
    day: checkedDay(event.event_id, now),
    component: source.component,
    type: event.event_type,
    version: event.schema_version,
    emittedAt: event.timestamp,
    extension: source.extension,
    data: encode(event.data),
    context: encode(context),
    capabilities: encode(capabilities_required),
  };
}

/** What reading the row gives. */
export function storedEvent(row: EventRow, sequence: number): StoredEvent {
  return {
    event_id: row.id,
    event_type: row.type,
    schema_version: row.version,
    timestamp: row.emittedAt,
    source: { component: row.component, extension: row.extension },
    sequence,
    data: JSON.parse(row.data),
    context: JSON.parse(row.context),
    capabilities_required: JSON.parse(row.capabilities),
  };
}

function checkedDay(id: string, now: number): string {
  const time = timeOfId(id);
  if (time === null) throw refused('event_id is no uuid v7');
  if (time > now + DAY_MS) throw refused('event_id is from the future');
  if (Math.floor(time / DAY_MS) < Math.floor(now / DAY_MS) - RETENTION_DAYS)
    throw refused('event_id is older than events are kept');
  return dayOf(time);
}

function encode(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw refused('its data is no JSON', cause);
  }
  if (text === undefined) throw refused('its data is no JSON');
  if (Buffer.byteLength(text) > MAX_PAYLOAD_BYTES) throw refused('its data is too large');
  return text;
}

function refused(reason: string, cause?: unknown): MagError {
  return new MagError('E_EVENT_SCHEMA', `The event cannot be stored: ${reason}.`, { cause });
}
