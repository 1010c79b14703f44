import type { FastifyInstance } from 'fastify';
import type { Operator } from '../../kernel/operator.ts';
import type { Operation } from '../../kernel/ports.ts';
import { principalOf } from '../components/maggate/access-control.ts';
import type { StreamSource } from '../components/maggate/event-stream.ts';
import { operationView } from './extension-view.ts';
import { answers, idParams, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

const MAX_WAIT_SECONDS = 60;
/** Steps of an operation that another host does are only seen by looking. */
const POLL_MS = 1_000;

/** Journaled moves of extensions, and following them. */
export function registerOperationRoutes(app: FastifyInstance, services: ControlServices): void {
  const { operator, streams } = services;
  addChanges(app, services);
  const tags = ['operations'];
  const params = idParams;
  const wait = { type: 'number', minimum: 0, maximum: MAX_WAIT_SECONDS, default: 0 };

  app.get<{ Params: { id: string }; Querystring: { wait: number } }>(
    '/v1/operations/:id',
    {
      schema: {
        tags,
        summary: 'An operation; with `wait`, when it ended or the seconds are over',
        params,
        querystring: object({ wait }),
        response: answers(200, 'The operation.'),
      },
    },
    async (request) =>
      operationView(await waitFor(operator, request.params.id, request.query.wait, streams.signal)),
  );

  app.get<{ Params: { id: string } }>(
    '/v1/operations/:id/events',
    {
      schema: {
        tags,
        summary: 'Server-sent events: `step` for each change of a step, `end` with the operation',
        params,
        produces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await operator.operation(id); // 404 for one that is not there
      return streams.send(reply, followOperation(operator, id));
    },
  );
}

function addChanges(app: FastifyInstance, { operator }: ControlServices): void {
  const tags = ['operations'];
  app.post<{ Params: { id: string } }>(
    '/v1/operations/:id/cancel',
    {
      schema: {
        tags,
        summary: 'Ask it to end before its next step and be undone; what takes away is not cancelled',
        params: idParams,
        response: answers(202, 'The operation as it is now.'),
      },
    },
    async (request, reply) => {
      const operation = await operator.cancel(request.params.id, principalOf(request));
      return reply.code(202).send(operationView(operation));
    },
  );
  app.post<{ Params: { id: string } }>(
    '/v1/operations/:id/retry',
    {
      schema: {
        tags,
        summary: 'Do once more what an operation that failed was asked to do',
        params: idParams,
        response: answers(202, 'The id of the new operation.'),
      },
    },
    async (request, reply) => {
      const operation = await operator.retry(request.params.id, principalOf(request));
      return reply.code(202).send({ operation });
    },
  );
}

/** A host that shuts down does not let its clients wait. */
async function waitFor(
  operator: Operator,
  id: string,
  seconds: number,
  closing: AbortSignal,
): Promise<Operation> {
  const ended = operator.operation(id, seconds * 1_000);
  if (seconds === 0) return ended;
  const closed = Promise.withResolvers<null>();
  const onClose = () => closed.resolve(null);
  closing.addEventListener('abort', onClose, { once: true });
  try {
    return (await Promise.race([ended, closed.promise])) ?? (await operator.operation(id));
  } finally {
    closing.removeEventListener('abort', onClose);
    ended.catch(() => {}); // it may fail after nobody waits for it any more
  }
}

/** Steps are few: every look compares all of them with what was sent. */
function followOperation(operator: Operator, id: string): StreamSource {
  const sent = new Map<string, string>();
  return {
    pollMs: POLL_MS,
    watch: (wake) => operator.onStep(id, wake),
    async *poll() {
      const operation = await operator.operation(id);
      for (const step of operation.steps) {
        const seen = `${step.state} ${step.detail ?? ''}`;
        if (sent.get(step.name) === seen) continue;
        sent.set(step.name, seen);
        yield { event: 'step', data: step };
      }
      if (operation.state === 'running') return false;
      yield { event: 'end', data: operationView(operation) };
      return true;
    },
  };
}
