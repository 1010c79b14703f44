import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fingerprint, parsePublicKey } from '../../kernel/trust/public-key.ts';
import {
  entryText,
  type RevocationEntry,
  type RevocationList,
  type RevokedThing,
  readRevocationList,
} from '../../kernel/trust/revocation-list.ts';
import { toExtensionRange } from './extension-id.ts';
import { readFileOrRefuse, readIfThere } from './read-file.ts';
import { BUNDLE_SUFFIX } from './staging.ts';
import { UsageError } from './usage-error.ts';

const DAY_MS = 86_400_000;
const HEX = /^[0-9a-f]{64}$/;

export interface ListToMake {
  /** Of a list that is there it is known. */
  readonly issuer?: string;
  /** How long it is good for. */
  readonly days: number;
  readonly reason?: string;
  /** Files of packages, or their digests. */
  readonly revokePackage?: readonly string[];
  /** `<id>@<range>` */
  readonly revokeVersion?: readonly string[];
  /** Files of public keys, or their fingerprints. */
  readonly revokeKey?: readonly string[];
  /** `<issuer> <san>` */
  readonly revokeIdentity?: readonly string[];
  readonly revokePublisher?: readonly string[];
}

/**
 * Writes the next list of an issuer: what the file took back before and what is added, under the next number. The
 * signature of the one before is no longer beside it.
 * @throws `E_REVOCATION_LIST`, `E_NOT_FOUND`, `E_BAD_REQUEST`, UsageError
 */
export async function makeList(cwd: string, name: string, make: ListToMake): Promise<RevocationList> {
  const file = resolve(cwd, name);
  const text = await readIfThere(file);
  const before = text === null ? null : readRevocationList(text);
  const issuer = make.issuer ?? before?.issuer;
  if (issuer === undefined) throw new UsageError('the first list needs --issuer');
  if (before !== null && before.issuer !== issuer)
    throw new UsageError(`${name} is a list of ${before.issuer}, not of ${issuer}`);
  const now = new Date();
  const list: RevocationList = {
    listVersion: 1,
    issuer,
    number: (before?.number ?? 0) + 1,
    issuedAt: now.toISOString(),
    nextUpdate: new Date(now.getTime() + make.days * DAY_MS).toISOString(),
    revoked: withNew(before?.revoked ?? [], await entriesOf(cwd, make, now)),
  };
  const json = `${JSON.stringify(list, null, 2)}\n`;
  readRevocationList(Buffer.from(json)); // what a host would refuse is not written
  await rm(file + BUNDLE_SUFFIX, { force: true });
  await writeFile(file, json);
  return list;
}

function withNew(before: readonly RevocationEntry[], added: readonly RevocationEntry[]): RevocationEntry[] {
  const known = new Set(before.map(entryText));
  return [...before, ...added.filter((entry) => !known.has(entryText(entry)))];
}

async function entriesOf(cwd: string, make: ListToMake, now: Date): Promise<RevocationEntry[]> {
  const { revokePackage, revokeVersion, revokeKey, revokeIdentity, revokePublisher, reason } = make;
  const things: RevokedThing[] = [
    ...(await Promise.all((revokePackage ?? []).map((text) => packageOf(cwd, text)))),
    ...(revokeVersion ?? []).map(versionOf),
    ...(await Promise.all((revokeKey ?? []).map((text) => keyOf(cwd, text)))),
    ...(revokeIdentity ?? []).map(identityOf),
    ...(revokePublisher ?? []).map((publisher) => ({ kind: 'publisher', publisher }) as const),
  ];
  if (things.length > 0 && reason === undefined) throw new UsageError('what is revoked needs a --reason');
  return things.map((thing) => ({ ...thing, reason: reason ?? '', revokedAt: now.toISOString() }));
}

async function packageOf(cwd: string, text: string): Promise<RevokedThing> {
  const digest = text.replace(/^sha256:/, '');
  if (HEX.test(digest)) return { kind: 'package', sha256: digest };
  const bytes = await readFileOrRefuse(resolve(cwd, text), 'package');
  return { kind: 'package', sha256: createHash('sha256').update(bytes).digest('hex') };
}

function versionOf(text: string): RevokedThing {
  const { id, range } = toExtensionRange(text);
  return { kind: 'version', id, versions: range };
}

async function keyOf(cwd: string, text: string): Promise<RevokedThing> {
  if (HEX.test(text)) return { kind: 'key', fingerprint: text };
  const pem = (await readFileOrRefuse(resolve(cwd, text), 'public key')).toString();
  try {
    return { kind: 'key', fingerprint: fingerprint(parsePublicKey(pem)) };
  } catch {
    throw new UsageError(`${text} is no P-256 public key in PEM`);
  }
}

function identityOf(text: string): RevokedThing {
  const [issuer = '', san = '', ...more] = text.split(' ');
  if (san !== '' && more.length === 0) return { kind: 'identity', issuer, san };
  throw new UsageError(`"${text}" is no identity: write "<issuer> <san>"`);
}
