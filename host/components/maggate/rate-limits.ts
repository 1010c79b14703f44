import rateLimit, { normalizeIP } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MagError } from '../../../kernel/errors.ts';
import { principalIdOf } from '../magauth/ports.ts';

/** Requests in a minute; 0: any number. Each host counts for itself. */
export interface RateLimits {
  /** Of one principal, at endpoints of extensions. */
  readonly principal: number;
  /** From one address without a token, at endpoints of extensions. */
  readonly anonymous: number;
  /** From one address with a token that is none, everywhere. */
  readonly failures: number;
}

/** Where it comes from is all that is counted by. */
export type From = Pick<FastifyRequest, 'socket' | 'routeOptions'>;

export interface RateLimiter {
  /** Counts a request by its address. `undefined`: there is no limit. @throws `RateLimited` */
  anonymous(request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined;
  /** Counts a request by its principal, who is known by then. `undefined`: there is no limit. @throws `RateLimited` */
  principal(request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined;
  /** Before a token is looked up that this host has not seen to be good. @throws `RateLimited` */
  mayGuess(request: From): Promise<void>;
  /** Counts a token that is none. */
  guessed(request: From): Promise<void>;
}

/** Is answered with `Retry-After`. */
export class RateLimited extends MagError {
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    super('E_RATE_LIMITED', `Too many requests; go on in ${retryAfterSeconds} s.`);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const WINDOW_MS = 60_000;
/** Keys of each limit that are counted at once. When there are more, those not seen for longest begin anew. */
const STORE = { cache: 20_000 };

/** Counts in windows of a minute, in memory. */
export async function createRateLimiter(app: FastifyInstance, limits: RateLimits): Promise<RateLimiter> {
  await app.register(rateLimit, { global: false });
  const counter = (max: number, keyGenerator: (request: FastifyRequest) => string) =>
    max === 0 ? null : app.createRateLimit({ max, timeWindow: WINDOW_MS, keyGenerator, ...STORE });
  const anonymous = counter(limits.anonymous, addressOf);
  const principal = counter(limits.principal, principalOf);
  const failures = counter(limits.failures, addressOf);
  return {
    anonymous: (request, reply) => (anonymous === null ? undefined : count(anonymous, request, reply)),
    principal: (request, reply) => (principal === null ? undefined : count(principal, request, reply)),
    async mayGuess(request) {
      const counted = await failures?.(request as FastifyRequest, { increment: false });
      if (counted?.isAllowed === false && counted.remaining === 0) {
        throw new RateLimited(counted.ttlInSeconds);
      }
    },
    async guessed(request) {
      await failures?.(request as FastifyRequest);
    },
  };
}

type Counter = ReturnType<FastifyInstance['createRateLimit']>;

async function count(counter: Counter, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const counted = await counter(request);
  if (counted.isAllowed) return;
  reply.header('ratelimit-limit', counted.max);
  reply.header('ratelimit-remaining', counted.remaining);
  reply.header('ratelimit-reset', counted.ttlInSeconds);
  if (counted.isExceeded) throw new RateLimited(counted.ttlInSeconds);
}

/** Of IPv6 the /64, which is what one customer has. Empty when the client has gone already. */
export function addressOf(request: FastifyRequest): string {
  return normalizeIP(request.socket.remoteAddress ?? '');
}

function principalOf(request: FastifyRequest): string {
  return request.caller === null ? '' : principalIdOf(request.caller);
}
