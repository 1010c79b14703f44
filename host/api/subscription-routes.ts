import type { FastifyInstance } from 'fastify';
import type { SubscriptionStatus } from '../../kernel/events/bus.ts';
import type { DeadLetter } from '../../kernel/ports.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { principalOf } from '../components/maggate/access-control.ts';
import { pageAddress } from './page.ts';
import { answers, limit, listOf, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

interface ReplayBody {
  readonly time?: string;
  readonly sequence?: number;
  readonly eventId?: string;
}

interface LetterQuery {
  readonly extension?: ExtensionId;
  readonly type?: string;
  readonly before?: string;
  readonly limit: number;
}

const uuid = { type: 'string', format: 'uuid' };
const letterId = { type: 'string', pattern: '^[0-9]{1,18}$' };
const tags = ['events'];

/** What extensions subscribed to, what they are delivered once more, and what they could not handle. */
export function registerSubscriptionRoutes(app: FastifyInstance, services: ControlServices): void {
  const { operator } = services;
  app.get(
    '/v1/subscriptions',
    {
      schema: {
        tags,
        summary: 'Subscriptions of extensions, how far behind each is, and what became of its events',
        response: answers(200, 'All subscriptions.', listOf('subscriptions')),
      },
    },
    async () => ({ subscriptions: (await operator.subscriptions()).map(subscriptionView) }),
  );

  const from = {
    time: { type: 'string', format: 'date-time' },
    sequence: { type: 'integer', minimum: 1 },
    eventId: uuid,
  };
  app.post<{ Params: { id: string }; Body: ReplayBody }>(
    '/v1/subscriptions/:id/replay',
    {
      schema: {
        tags,
        summary: 'Deliver once more from a time, a sequence or an event on, marked `replay: true`',
        params: object({ id: uuid }, ['id']),
        body: { ...object(from), minProperties: 1, maxProperties: 1 },
        response: answers(202, 'The replay, which goes on beside live delivery.'),
      },
    },
    async (request, reply) => {
      const { params, body } = request;
      const replay = await operator.replay(params.id, pointOf(body), principalOf(request));
      return reply.code(202).send(replay);
    },
  );
  addDeadLetters(app, services);
}

function addDeadLetters(app: FastifyInstance, { operator }: ControlServices): void {
  const params = object({ id: letterId }, ['id']);
  app.get<{ Querystring: LetterQuery }>(
    '/v1/dead-letters',
    {
      schema: {
        tags,
        summary: 'Events that an extension could not handle, newest first',
        querystring: object({
          extension: { type: 'string', maxLength: 110 },
          type: { type: 'string', maxLength: 160 },
          before: letterId,
          limit,
        }),
        response: answers(200, 'A page of dead letters.', listOf('deadLetters')),
      },
    },
    async ({ query }) => {
      const deadLetters: DeadLetter[] = await operator.deadLetters(query);
      const last = deadLetters.length < query.limit ? undefined : deadLetters.at(-1)?.id;
      return {
        deadLetters,
        next: last === undefined ? null : pageAddress('/v1/dead-letters', { ...query, before: last }),
      };
    },
  );
  app.post<{ Params: { id: string } }>(
    '/v1/dead-letters/:id/redrive',
    {
      schema: {
        tags,
        summary: 'Deliver it once more; handled, it is a dead letter no longer',
        params,
        response: answers(200, 'It was handled.'),
      },
    },
    async (request) => {
      await operator.redrive(request.params.id, principalOf(request));
      return { id: request.params.id, handled: true };
    },
  );
  app.delete<{ Params: { id: string } }>(
    '/v1/dead-letters/:id',
    { schema: { tags, summary: 'Give it up', params, response: answers(200, 'It is gone.') } },
    async (request) => {
      await operator.purgeDeadLetter(request.params.id, principalOf(request));
      return { id: request.params.id, purged: true };
    },
  );
}

function pointOf({ time, sequence, eventId = '' }: ReplayBody) {
  if (time !== undefined) return { time: new Date(time) };
  return sequence === undefined ? { eventId } : { sequence };
}

function subscriptionView({ counts, ...subscription }: SubscriptionStatus) {
  return { ...subscription, ...(counts === null ? {} : { sinceStart: counts }) };
}
