import type { FastifyRequest } from 'fastify';
import { toMagError } from '../../kernel/errors.ts';
import type { Audit } from '../../kernel/operator.ts';
import type { JsonObject } from '../../manifests/json.ts';
import { principalOf } from '../components/maggate/access-control.ts';

export interface AuditedMove {
  readonly action: string;
  readonly target: string;
  readonly detail: JsonObject;
}

/**
 * Does something that the kernel does not put on record itself, and puts it on record: done, refused or
 * failed. It is only answered as done when the record is durable.
 */
export async function audited<Result>(
  audit: Audit,
  request: FastifyRequest,
  move: AuditedMove,
  act: () => Promise<Result>,
): Promise<Result> {
  const by = principalOf(request);
  const entry = { principal: by.id, tenant: by.tenant, action: move.action, target: move.target };
  let result: Result;
  try {
    result = await act();
  } catch (error) {
    const { code, status } = toMagError(error);
    const outcome = status < 500 ? 'refused' : 'failed';
    await audit.record({ ...entry, outcome, detail: { ...move.detail, code } });
    throw error;
  }
  await audit.record({ ...entry, outcome: 'ok', detail: move.detail });
  return result;
}
