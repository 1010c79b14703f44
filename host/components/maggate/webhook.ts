import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { MagError } from '../../../kernel/errors.ts';
import type { ExtensionId, WebhookDeclaration } from '../../../manifests/manifest/manifest.ts';
import { BodyFault } from './body-fault.ts';

/** Where the secrets that senders of webhooks sign with are kept. They never reach an extension from here. */
export interface WebhookSecrets {
  /** `null`: there is none by that name for this extension. */
  secretFor(extension: ExtensionId, name: string): Promise<string | null>;
}

/** Without a place for secrets no signature can be right. */
export const NO_WEBHOOK_SECRETS: WebhookSecrets = { secretFor: async () => null };

/** Entries that are looked at in a header that may carry several signatures. */
const MAX_SIGNATURES = 10;

/** What a sender claims: its signatures, one of which has to be right, and what they are made over. */
interface Claim {
  readonly signatures: readonly string[];
  /** Put before the body. */
  readonly prefix: string;
}

/**
 * Verifies the signature over the body of a webhook, before anything of it reaches an extension.
 * @returns whether it is right, and fresh where the scheme says when it was made
 * @throws `E_WEBHOOK_SECRET` when there is nothing to verify it with; an error with status 415 for a form
 */
export async function isSigned(
  request: FastifyRequest,
  extension: ExtensionId,
  declared: WebhookDeclaration,
  secrets: WebhookSecrets,
): Promise<boolean> {
  // The bytes of a form are not kept: nothing could be said about them.
  if (request.isMultipart()) throw BodyFault.wrongType('A webhook that is signed is not sent as a form.');
  const header = request.headers[declared.header.toLowerCase()];
  const claim = typeof header === 'string' ? readClaim(header, declared, Date.now()) : null;
  if (claim === null) return false;
  const secret = await secrets.secretFor(extension, declared.secret);
  if (secret === null || secret === '')
    throw new MagError('E_WEBHOOK_SECRET', 'The secret of this webhook is not set.');
  const right = createHmac(declared.algorithm, secret)
    .update(claim.prefix)
    .update(request.rawBody ?? '')
    .digest(declared.encoding);
  return claim.signatures.some((signature) => isSame(signature, right));
}

function readClaim(header: string, declared: WebhookDeclaration, nowMs: number): Claim | null {
  if (declared.scheme === 'stripe') return readTimed(header, declared, nowMs);
  if (!header.startsWith(declared.prefix)) return null;
  return { signatures: [header.slice(declared.prefix.length)], prefix: '' };
}

/** `t=1700000000,v1=…,v1=…`: the time is signed with the body. */
function readTimed(header: string, { toleranceSeconds }: WebhookDeclaration, nowMs: number): Claim | null {
  const entries = header.split(',').map((entry) => entry.trim());
  const at = entries.find((entry) => entry.startsWith('t='))?.slice(2) ?? '';
  if (!/^\d{1,12}$/.test(at) || Math.abs(nowMs / 1_000 - Number(at)) > toleranceSeconds) return null;
  const signatures = entries.filter((entry) => entry.startsWith('v1=')).map((entry) => entry.slice(3));
  return { signatures: signatures.slice(0, MAX_SIGNATURES), prefix: `${at}.` };
}

/** Takes as long wherever they differ. */
function isSame(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
