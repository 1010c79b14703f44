import { MagError, messageOf } from '../../../kernel/errors.ts';
import type { TransformPoint } from '../../../kernel/hooks/hook-point.ts';
import type { Logger } from '../../../kernel/ports.ts';
import { isHostRole } from '../../../manifests/catalog/index.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import { Answers } from './answers.ts';
import {
  carriedBy,
  grantedRoles,
  isGoodIn,
  type MembershipResolver,
  membershipOfCredential,
  type Place,
  undecidedContext,
} from './memberships.ts';
import { type Credential, principalIdOf } from './ports.ts';

/** An operator must be able to repair whatever extensions do. */
const CONTROL_PLANE = 't_system';

/** Who holds connections looks at all of them again. */
const TELL_EVERY_MS = 200;

/** What is kept of an answer: before it is narrowed to what a token carries. */
interface Said {
  readonly roles: readonly string[] | null;
  readonly mode: string | null;
}

export interface TappedMembershipParts {
  readonly hook: TransformPoint;
  readonly logger: Logger;
  readonly now?: () => number;
}

/**
 * The rule of the host, and what extensions make of it (`magauth.membership_resolver`). It fails closed: where an
 * extension that says who is a member does not answer, nobody is let in but to the control plane.
 */
export class TappedMemberships implements MembershipResolver {
  readonly #hook: TransformPoint;
  readonly #logger: Logger;
  readonly #answers: Answers<Said>;
  readonly #listeners: (() => void)[] = [];
  #telling: NodeJS.Timeout | null = null;

  constructor({ hook, logger, now }: TappedMembershipParts) {
    this.#hook = hook;
    this.#logger = logger;
    this.#answers = new Answers(now);
    hook.onChange(() => this.forget());
  }

  membership(caller: Credential, tenantId: string, place: Place) {
    if (!this.#hook.isUsed() || tenantId === CONTROL_PLANE)
      return membershipOfCredential.membership(caller, tenantId);
    if (!isGoodIn(caller, tenantId)) return null;
    const granted = grantedRoles(caller, tenantId);
    const key = keyOf(caller, tenantId, place, granted);
    const known = this.#answers.get(key);
    if (known !== undefined) return carriedBy(caller, { tenantId, ...known });
    return this.#answers
      .ask(key, () => this.#ask(caller, tenantId, place, granted))
      .then((said) => carriedBy(caller, { tenantId, ...said }));
  }

  /** Believes nothing from before. */
  forget(): void {
    this.#answers.forget();
    this.#telling ??= setTimeout(() => {
      this.#telling = null;
      for (const listener of this.#listeners) listener();
    }, TELL_EVERY_MS).unref();
  }

  /** Calls back soon after `forget`, once for many. */
  onForget(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async #ask(
    caller: Credential,
    tenantId: string,
    place: Place,
    granted: readonly string[] | null,
  ): Promise<Said> {
    const principal = { id: principalIdOf(caller), kind: caller.principal?.kind ?? 'token' };
    const roles = granted === null ? null : [...granted];
    const asked: JsonObject = {
      principal,
      tenantId,
      surfaceId: place.surfaceId ?? null,
      appId: place.appId ?? null,
      projectId: place.projectId ?? null,
      roles,
      mode: null,
    };
    const request = undecidedContext(tenantId, place.traceId);
    try {
      const said = (await this.#hook.fire(asked, { request })) as unknown as Said; // checked by the schema of the hook
      const lifted = said.roles?.find((role) => isHostRole(role) && granted?.includes(role) !== true);
      if (lifted !== undefined) throw new MagError('E_ROLE', `${lifted} is a role of the host.`);
      return { roles: said.roles, mode: said.mode };
    } catch (cause) {
      this.#logger.warn({ tenantId, reason: messageOf(cause) }, 'nobody can say who is a member of a tenant');
      const message = `Who is a member of ${tenantId} cannot be said now; try again.`;
      throw new MagError('E_MEMBERSHIP', message, { cause });
    }
  }
}

/** No part of it holds a line break: headers and names of roles cannot. */
function keyOf(
  caller: Credential,
  tenantId: string,
  { surfaceId = '', appId = '', projectId = '' }: Place,
  granted: readonly string[] | null,
): string {
  const roles = granted === null ? '-' : granted.join(',');
  return `${principalIdOf(caller)}\n${tenantId}\n${surfaceId}\n${appId}\n${projectId}\n${roles}`;
}
