import { CloudEvent, HTTP } from 'cloudevents';
import type { FastifyRequest } from 'fastify';
import { MagError } from '../../kernel/errors.ts';
import type { StoredEvent } from '../../kernel/ports.ts';
import type { Json } from '../../manifests/json.ts';

/** Structured mode: the whole event is the body. */
export const STRUCTURED = 'application/cloudevents+json';
/** Several of them. */
export const BATCHED = 'application/cloudevents-batch+json';

/** An event as CloudEvents 1.0 say it; what the envelope has beyond that are extension attributes. */
export function toCloudEvent(event: StoredEvent): Json {
  const { source, context } = event;
  const origin = source.extension === null ? source.component : `${source.component}/${source.extension}`;
  const attributes = Object.fromEntries(
    Object.entries(context)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [name.toLowerCase().replaceAll(/[^a-z0-9]/g, ''), value]),
  );
  const cloud = new CloudEvent({
    ...attributes,
    id: event.event_id,
    source: `/magflock/${origin}`,
    type: event.event_type,
    time: event.timestamp,
    datacontenttype: 'application/json',
    data: event.data,
    sequence: String(event.sequence), // the extension attribute of that name is text
    schemaversion: event.schema_version,
    ...(event.replay ? { replay: true } : {}),
  });
  return cloud.toJSON() as Json;
}

/** Whether what was sent is a CloudEvent, in structured or binary mode. */
export function isCloudEvent({ headers }: FastifyRequest): boolean {
  return headers['content-type']?.startsWith(STRUCTURED) === true || headers['ce-specversion'] !== undefined;
}

/**
 * What a CloudEvent asks to publish. Its source is who sends it, which is for the host to say: it is not taken.
 * @throws `E_BAD_REQUEST` when it is none of version 1.0
 */
export function fromCloudEvent({ headers, body }: FastifyRequest): {
  type: string;
  data: Json;
  eventId: string;
} {
  const cloud = readCloudEvent(headers, body);
  return { type: cloud.type, data: (cloud.data ?? {}) as Json, eventId: cloud.id };
}

function readCloudEvent(headers: FastifyRequest['headers'], body: unknown): CloudEvent<unknown> {
  try {
    const read = HTTP.toEvent({
      headers,
      body: typeof body === 'string' ? body : JSON.stringify(body ?? null),
    });
    if (!Array.isArray(read)) return read as CloudEvent<unknown>;
  } catch (cause) {
    throw new MagError('E_BAD_REQUEST', 'not a CloudEvent 1.0: it needs specversion, id, source and type', {
      cause,
    });
  }
  throw new MagError('E_BAD_REQUEST', 'one CloudEvent at a time');
}
