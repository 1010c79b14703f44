import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import {
  EMPTY_POLICY,
  type PublisherTrust,
  parseTrustPolicy,
  type Tier,
  type TrustPolicy,
} from '../../kernel/trust/policy.ts';
import { addKey, removePublisher } from '../../kernel/trust/policy-edit.ts';

const FILE = 'trust-policy.json';

/** What `GET /v1/trust` and `mag trust:list` show. Keys that were removed are listed apart. */
interface TrustListing {
  readonly publishers: Readonly<Record<string, ListedPublisher>>;
}

interface ListedPublisher {
  readonly tier: Tier;
  readonly keys: readonly { id: string; publicKey: string; notAfter: string | null }[];
  readonly identities: readonly { issuer: string; san: string }[];
  /** What these signed is refused: E_SIG_REVOKED. */
  readonly removedKeys: readonly { id: string; revokedAt: string }[];
}

/**
 * The trust policy in a data folder; an absent file trusts nobody.
 * @throws `E_CONFIG` when the file cannot be read or is wrong
 */
export async function readTrustPolicy(dataDir: string): Promise<TrustPolicy> {
  const text = await readText(join(dataDir, FILE));
  if (text === null) return EMPTY_POLICY;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new MagError('E_CONFIG', `${FILE} is not JSON.`, { cause: error });
  }
  return parseTrustPolicy(json);
}

/** Replaces the policy at once: a crash leaves the old or the new file, never half of one. */
export async function writeTrustPolicy(dataDir: string, policy: TrustPolicy): Promise<void> {
  const target = join(dataDir, FILE);
  const temporary = `${target}.${randomUUID()}`;
  await mkdir(dataDir, { recursive: true });
  try {
    await writeFile(temporary, `${JSON.stringify(toJson(policy), null, 2)}\n`, { mode: 0o600, flush: true });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new MagError('E_CONFIG', `${FILE} cannot be written.`, { cause: error });
  }
}

/**
 * Trusts a key (PEM) for a publisher and returns the key's id.
 * @throws `E_BAD_REQUEST`, `E_CONFIG`
 */
export async function addTrustedKey(
  dataDir: string,
  publisher: string,
  pem: string,
  tier: Tier,
  keyId?: string,
  notAfter?: Date,
): Promise<string> {
  const options = { ...(keyId === undefined ? {} : { id: keyId }), ...(notAfter ? { notAfter } : {}) };
  const add = { publisher, publicKey: pem, tier, ...options };
  const policy = await editTrustPolicy(dataDir, (before) => addKey(before, add));
  // addKey puts the key it was given last.
  return policy.publishers.get(publisher)?.keys.at(-1)?.id ?? '';
}

/** Removes one key of a publisher, or all trust in it. @throws `E_NOT_FOUND`, `E_CONFIG` */
export async function removeTrust(dataDir: string, publisher: string, keyId?: string): Promise<void> {
  await editTrustPolicy(dataDir, (before) => removePublisher(before, publisher, new Date(), keyId));
}

/** Whom the policy trusts. @throws `E_CONFIG` */
export async function listTrust(dataDir: string): Promise<TrustListing> {
  const { publishers } = await readTrustPolicy(dataDir);
  return { publishers: Object.fromEntries([...publishers].map(([name, trust]) => [name, listed(trust)])) };
}

function listed({ tier, keys, identities }: PublisherTrust): ListedPublisher {
  return {
    tier,
    keys: keys
      .filter(({ revokedAt }) => revokedAt === null)
      .map(({ id, publicKey, notAfter }) => ({ id, publicKey, notAfter: iso(notAfter) ?? null })),
    identities,
    removedKeys: keys.flatMap(({ id, revokedAt }) =>
      revokedAt ? [{ id, revokedAt: revokedAt.toISOString() }] : [],
    ),
  };
}

/** One edit at a time in this process: two at once would lose the first, a removal perhaps. */
let lastEdit: Promise<unknown> = Promise.resolve();

export function editTrustPolicy(
  dataDir: string,
  change: (policy: TrustPolicy) => TrustPolicy,
): Promise<TrustPolicy> {
  const result = lastEdit.then(async () => {
    const policy = change(await readTrustPolicy(dataDir));
    await writeTrustPolicy(dataDir, policy);
    return policy;
  });
  // Only the order is taken from it; whoever asked for the edit gets its error.
  lastEdit = result.catch(() => undefined);
  return result;
}

/** The policy as `parseTrustPolicy` reads it; what is not set is left out. */
function toJson({ publishers }: TrustPolicy): object {
  const entries = [...publishers].map(([name, { tier, keys, identities, trustedRoot }]) => {
    const keyList = keys.map((key) => ({
      id: key.id,
      publicKey: key.publicKey,
      notAfter: iso(key.notAfter),
      revokedAt: iso(key.revokedAt),
    }));
    return [name, { tier, keys: keyList, identities, trustedRoot: trustedRoot ?? undefined }];
  });
  return { publishers: Object.fromEntries(entries) };
}

function iso(date: Date | null): string | undefined {
  return date?.toISOString();
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new MagError('E_CONFIG', `${FILE} cannot be read.`, { cause: error });
  }
}
