import type { Json } from '../json.ts';
import type { EndpointRequest, EventEnvelope, Invocation, Job } from './define-extension.ts';

/** A request for a handler: `GET /` with nothing in it but what the test says. */
export function createRequest<const Params = Record<never, string>>(
  given: Partial<EndpointRequest<Params>> = {},
): EndpointRequest<Params> {
  const { params = {} as Params } = given;
  return { method: 'GET', path: '/', query: {}, headers: {}, body: null, ...given, params };
}

/** An event for a handler, published by nobody. */
export function createEvent<Data>(
  type: string,
  data: Data,
  given: Partial<EventEnvelope<Data>> = {},
): EventEnvelope<Data> {
  return {
    event_id: '00000000-0000-7000-8000-000000000000',
    event_type: type,
    schema_version: 1,
    timestamp: '2026-01-01T00:00:00.000Z',
    source: { component: 'extension', extension: null },
    sequence: 1,
    data,
    context: {},
    ...given,
  };
}

/** A job for its handler, at its first run. */
export function createJob<Payload = Json>(
  name: string,
  payload: Payload = null as Payload,
  given: Partial<Job<Payload>> = {},
): Job<Payload> {
  return { id: 'job-1', name, payload, attempt: 1, maxAttempts: 1, schedule: null, ...given };
}

/** A command line for its handler, with nothing on it but what the test says. */
export function createInvocation(command: string, given: Partial<Invocation> = {}): Invocation {
  return { command, args: {}, options: {}, stdin: null, ...given };
}
