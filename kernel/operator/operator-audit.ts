import type { JsonObject } from '../../manifests/json.ts';
import { codeOf, messageOf } from '../errors.ts';
import type { Audit, Principal } from '../operator.ts';

/** What came of an act, and what the audit says of it. */
export interface Done<Result> {
  readonly result: Result;
  /** Instead of the target it was begun with: what it is about may turn out only then. */
  readonly target?: string;
  readonly detail?: JsonObject;
}

/** Puts what operators do on record, refused or done. */
export class OperatorAudit {
  readonly #audit: Audit;

  constructor(audit: Audit) {
    this.#audit = audit;
  }

  /** @throws what `act` throws, when the refusal is on record */
  async record<Result>(
    action: string,
    target: string,
    by: Principal,
    act: () => Promise<Done<Result>>,
  ): Promise<Result> {
    const done = await this.recordRefusal(action, target, by, act);
    await this.#audit.record({
      principal: by.id,
      tenant: by.tenant,
      action,
      target: done.target ?? target,
      outcome: 'ok',
      detail: done.detail ?? {},
    });
    return done.result;
  }

  /** For what begins an operation: the end of that is put on record where it ends. @throws what `act` throws */
  async recordRefusal<Result>(
    action: string,
    target: string,
    by: Principal,
    act: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await act();
    } catch (failure) {
      const detail = { code: codeOf(failure) ?? 'E_INTERNAL', detail: messageOf(failure) };
      await this.#audit.record({
        principal: by.id,
        tenant: by.tenant,
        action,
        target,
        outcome: 'refused',
        detail,
      });
      throw failure;
    }
  }
}
