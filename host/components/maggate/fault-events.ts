import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ComponentAdapter } from '../../../kernel/adapter.ts';
import { messageOf } from '../../../kernel/errors.ts';
import { eventContextOf } from '../../../kernel/events/event-context.ts';
import type { Logger } from '../../../kernel/ports.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import { principalIdOf } from '../magauth/ports.ts';
import { pathOf } from './path.ts';
import type { Problem } from './problem.ts';
import { addressOf } from './rate-limits.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What it was refused with, or what went wrong. */
    fault: Problem | null;
  }
}

/** Tells the bus of requests that failed, and of those that were one too many. Nobody waits for it. */
export interface FaultEvents {
  answered(request: FastifyRequest, reply: FastifyReply): void;
}

/** A flood of requests must not become a flood of events. */
const QUIET_MS = 10_000;
const MAX_QUIET = 1_000;

export function createFaultEvents(
  adapter: Pick<ComponentAdapter, 'emitEvent'>,
  logger: Logger,
  now: () => number = Date.now,
): FaultEvents {
  /** Who was told of, and until when that is enough. */
  const quiet = new Map<string, number>();

  function isFirst(who: string): boolean {
    if ((quiet.get(who) ?? 0) > now()) return false;
    if (quiet.size >= MAX_QUIET) quiet.clear();
    quiet.set(who, now() + QUIET_MS);
    return true;
  }

  function emit(type: string, { callContext, caller, id }: FastifyRequest, data: JsonObject): void {
    const context =
      callContext === null
        ? { tenant_id: caller?.tenantId ?? 't_system', trace_id: id }
        : eventContextOf(callContext);
    adapter
      .emitEvent({ type, data, context })
      .catch((error: unknown) => logger.warn({ type, reason: messageOf(error) }, 'event not published'));
  }

  return {
    answered(request, { statusCode: status }) {
      const { method, url, endpoint, caller, fault } = request;
      const extension = endpoint?.route.extension ?? null;
      if (status >= 500) {
        const data = { extension, method, path: pathOf(url), status, code: fault?.code ?? null };
        emit('api.error.occurred', request, data);
      }
      if (status !== 429 || fault === null) return;
      const principal = caller === null ? null : principalIdOf(caller);
      const by = fault.veto?.extension ?? null;
      if (isFirst(`${principal ?? addressOf(request)} ${by}`))
        emit('api.rate_limit.exceeded', request, { extension, principal, by });
    },
  };
}
