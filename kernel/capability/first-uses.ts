import { messageOf } from '../errors.ts';
import type { Audit } from '../operator.ts';
import type { Logger } from '../ports.ts';
import type { Gate } from './gate.ts';

/** Puts on record what the gate allows for the first time (spec 03): what repeats is counted. Nobody waits for it. */
export function recordFirstUses(gate: Gate, audit: Audit, logger: Logger): void {
  gate.onFirstUse((extension, capability) => {
    const entry = {
      principal: `extension:${extension}`,
      tenant: 't_system',
      action: 'capability.allowed',
      target: capability,
      outcome: 'ok',
      detail: {},
    } as const;
    audit
      .record(entry)
      .catch((failure: unknown) =>
        logger.error({ extension, capability, reason: messageOf(failure) }, 'a first use is not on record'),
      );
  });
}
