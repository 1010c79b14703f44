import { MagError } from '../../kernel/errors.ts';
import type { StoredEvent } from '../../kernel/ports.ts';
import { type NewEvent, toEventRow } from '../storage/event-row.ts';
import type { Subjects } from './subjects.ts';

/** An event on its way to JetStream. */
export interface EventMessage {
  /** The id of the event, which is the one of the message. */
  readonly id: string;
  readonly component: string;
  readonly subject: string;
  readonly payload: Uint8Array;
}

/** NATS takes 4,096 bytes for a command, of which the subject is one part. */
const MAX_SUBJECT_CHARS = 1_500;
/** Leaves room for the headers: the id and the name of the stream. */
const HEADER_BYTES = 512;

/**
 * @param maxPayloadBytes what the server takes (`max_payload`)
 * @throws `E_EVENT_SCHEMA` for what the Postgres engine refuses too, and what NATS has no room for
 */
export function toMessage(
  event: NewEvent,
  options: { now: number; subjects: Subjects; maxPayloadBytes: number },
): EventMessage {
  const row = toEventRow(event, options.now);
  const subject = options.subjects.of(row.component, row.type);
  if (subject.length > MAX_SUBJECT_CHARS) throw tooLarge('its type and component are too long for NATS');
  const head = JSON.stringify({
    event_id: row.id,
    event_type: row.type,
    schema_version: row.version,
    timestamp: row.emittedAt,
    source: { component: row.component, extension: row.extension },
  }).slice(0, -1);
  const text = `${head},"data":${row.data},"context":${row.context},"capabilities_required":${row.capabilities}}`;
  const payload = Buffer.from(text);
  const room = options.maxPayloadBytes - HEADER_BYTES;
  if (payload.length > room)
    throw tooLarge(`it has ${payload.length} bytes, and NATS takes ${room} (max_payload)`);
  return { id: row.id, component: row.component, subject, payload };
}

/** `null`: nobody of us wrote it. */
export function fromMessage(data: Uint8Array, sequence: number): StoredEvent | null {
  try {
    const event: unknown = JSON.parse(Buffer.from(data).toString());
    return isEvent(event) ? { ...event, sequence } : null;
  } catch {
    return null;
  }
}

function isEvent(value: unknown): value is NewEvent {
  if (value === null || typeof value !== 'object') return false;
  const { event_id, event_type, source, capabilities_required } = value as Partial<NewEvent>;
  return (
    typeof event_id === 'string' &&
    typeof event_type === 'string' &&
    typeof source?.component === 'string' &&
    Array.isArray(capabilities_required)
  );
}

function tooLarge(reason: string): MagError {
  return new MagError('E_EVENT_SCHEMA', `The event cannot be stored: ${reason}.`);
}
