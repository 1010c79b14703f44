import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { EventLog, StoredEvent } from '../../kernel/ports.ts';
import type { Json } from '../../manifests/json.ts';
import { principalOf } from '../components/maggate/access-control.ts';
import { accepts, wantsStream } from './accept.ts';
import { BATCHED, fromCloudEvent, isCloudEvent, toCloudEvent } from './cloud-events.ts';
import { followEvents } from './event-follower.ts';
import { pageAddress } from './page.ts';
import { answers, limit, listOf, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

interface EventQuery {
  type?: string;
  component?: string;
  after?: string;
  limit: number;
  format: 'magflock' | 'cloudevents';
}

interface EventBody {
  type: string;
  data: Json;
  eventId?: string;
}

const type = { type: 'string', maxLength: 160, pattern: '^[a-z0-9][a-z0-9_-]*(\\.[a-z0-9][a-z0-9_-]*)+$' };
const component = { type: 'string', minLength: 1, maxLength: 110 };
const format = { enum: ['magflock', 'cloudevents'], default: 'magflock' };
const uuid = { type: 'string', format: 'uuid' };

/** The event bus, read and used by an operator. */
export function registerEventRoutes(app: FastifyInstance, services: ControlServices): void {
  const { operator, stores, streams } = services;
  const tags = ['events'];
  app.get<{ Querystring: EventQuery }>(
    '/v1/events',
    {
      schema: {
        tags,
        summary:
          'Events, newest first; followed with `Accept: text/event-stream`; as CloudEvents 1.0 with ' +
          '`format=cloudevents` or `Accept: application/cloudevents-batch+json`',
        querystring: object({ type, component, after: uuid, limit, format }),
        response: answers(200, 'A page of events.', listOf('events')),
      },
    },
    async (request, reply) => {
      const { query } = request;
      if (wantsStream(request)) {
        const after = query.after ?? lastSeen(request);
        const filter = { ...query, ...(after === undefined ? {} : { after }) };
        return streams.send(reply, await followEvents(stores.events, filter, viewOf(query)));
      }
      if (accepts(request, BATCHED)) {
        const events = await stores.events.latest(query);
        return reply.type(BATCHED).send(events.map(toCloudEvent));
      }
      return readPage(stores.events, query);
    },
  );

  app.post<{ Body: EventBody }>(
    '/v1/events',
    {
      schema: {
        tags,
        summary:
          'Publish an event of a known type; the same `eventId` twice is one event. Takes a CloudEvent 1.0 too, ' +
          'structured or binary',
        body: object({ type, data: {}, eventId: uuid }, ['type', 'data']),
        response: answers(201, 'Durable, with its id and sequence.'),
      },
      preValidation: async (request) => {
        if (isCloudEvent(request)) request.body = fromCloudEvent(request);
      },
    },
    async (request, reply) =>
      reply.code(201).send(await operator.publish(request.body, principalOf(request), request.callContext)),
  );
}

/** How events are written for this client. */
function viewOf({ format }: EventQuery): (event: StoredEvent) => unknown {
  return format === 'cloudevents' ? toCloudEvent : (event) => event;
}

/** `next` leads to what came after the newest event of this page. */
async function readPage(log: EventLog, query: EventQuery) {
  const events = await log.latest(query);
  const newest = events[0]?.event_id ?? query.after;
  return {
    events: events.map(viewOf(query)),
    next: newest === undefined ? null : pageAddress('/v1/events', { ...query, after: newest }),
  };
}

/** A browser that reconnects says what it saw last. */
function lastSeen(request: FastifyRequest): string | undefined {
  const id = request.headers['last-event-id'];
  return typeof id === 'string' && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id) ? id : undefined;
}
