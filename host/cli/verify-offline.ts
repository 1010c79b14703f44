import { dirname, resolve } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import { readArchive } from '../../kernel/trust/archive.ts';
import { EMPTY_POLICY, type TrustPolicy } from '../../kernel/trust/policy.ts';
import { readManifestJson } from '../../kernel/trust/read-manifest.ts';
import { hasCode, verifyAny } from '../../kernel/trust/verify.ts';
import type { JsonObject } from '../../manifests/json.ts';
import { publisherOf } from '../../manifests/manifest/publisher-of.ts';
import { trustPublisher } from '../trust/policy-edit.ts';
import { readTrustPolicy, withRoots } from '../trust/policy-file.ts';
import { type WithLists, withLists } from './offline-lists.ts';
import { readFileOrRefuse, readIfThere } from './read-file.ts';
import type { Session } from './session.ts';
import { ATTESTATIONS_SUFFIX, BUNDLE_SUFFIX } from './staging.ts';

/** What a package that verified says about itself. */
export interface VerifiedSummary extends JsonObject {
  readonly id: string;
  readonly version: string;
  readonly publisher: string;
  readonly tier: string;
  readonly signedBy: string;
  readonly digest: string;
  /** Which revocation lists were looked at. */
  readonly revocations: string;
  readonly capabilities: JsonObject[];
  /** Of a bundle: its members and their ranges. */
  readonly extensions?: JsonObject;
}

/** A key to trust alone, or a policy; by default the one of the local data folder. */
export interface TrustGiven {
  readonly key?: string;
  readonly policy?: string;
  /** Files or addresses of signed revocation lists; by default those of the host that runs here. */
  readonly revocations?: readonly string[];
}

/**
 * Verifies a package exactly as a host with the same trust policy would.
 * @throws what `verifyAny` throws
 */
export async function verifyOffline(
  session: Session,
  file: string,
  trust: TrustGiven,
): Promise<VerifiedSummary> {
  const { cwd } = session.terminal;
  const archive = await readFileOrRefuse(resolve(cwd, file), 'package');
  const beside = await readBeside(resolve(cwd, file));
  const { policy, lists } = await policyFor(session, archive, trust);
  const checked = await verifyAny({ archive, ...beside, policy, now: new Date() });
  const { id, version } = checked.manifest;
  const capabilities = hasCode(checked) ? checked.manifest.capabilities : []; // its members ask, not a bundle
  const extensions = hasCode(checked) ? {} : { extensions: { ...checked.manifest.extensions } };
  const { publisher, tier, signedBy, digest } = checked;
  const asked = capabilities.map(({ name, reason, scope }) => ({ name, reason, scope: scopeJson(scope) }));
  const by = { publisher, tier, signedBy, digest, revocations: lists };
  return { id, version, ...by, capabilities: asked, ...extensions };
}

/** What lies beside a package, as a host gets it. */
export async function readBeside(
  file: string,
): Promise<{ bundle: string | null; attestations: string | null }> {
  const bundle = (await readIfThere(file + BUNDLE_SUFFIX))?.toString() ?? null;
  return { bundle, attestations: (await readIfThere(file + ATTESTATIONS_SUFFIX))?.toString() ?? null };
}

function scopeJson(scope: Readonly<Record<string, readonly string[]>> | undefined): JsonObject | null {
  if (scope === undefined) return null;
  return Object.fromEntries(Object.entries(scope).map(([key, values]) => [key, [...values]]));
}

/** The policy a package is verified with, and the revocation lists. */
export async function policyFor(
  session: Session,
  archive: Uint8Array,
  trust: TrustGiven,
): Promise<WithLists> {
  const isOwn = trust.key === undefined && trust.policy === undefined;
  const policy = await signersFor(session, archive, trust);
  return withLists(session, policy, trust.revocations, isOwn);
}

async function signersFor(
  session: Session,
  archive: Uint8Array,
  { key, policy }: TrustGiven,
): Promise<TrustPolicy> {
  const { cwd } = session.terminal;
  if (key !== undefined) return trustOnly(archive, await readFileOrRefuse(resolve(cwd, key), 'key'));
  if (policy === undefined) return readTrustPolicy(session.config().dataDir);
  const file = resolve(cwd, policy);
  const text = await readFileOrRefuse(file, 'trust policy');
  return withRoots(parseJson(text.toString()), dirname(file));
}

/** Trusts this key, and nothing else, for whatever publisher the package names. */
async function trustOnly(archive: Uint8Array, publicKey: Buffer): Promise<TrustPolicy> {
  const publisher = await publisherIn(archive);
  if (publisher === null) return EMPTY_POLICY;
  return trustPublisher(EMPTY_POLICY, { publisher, publicKey: publicKey.toString(), tier: 'community' });
}

/** `null` for what is no package: verifying it says why. */
async function publisherIn(archive: Uint8Array): Promise<string | null> {
  try {
    const files = await readArchive(archive);
    const { id } = readManifestJson(files.get('manifest.json') ?? new Uint8Array());
    return publisherOf(id);
  } catch (error) {
    if (error instanceof MagError) return null;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MagError('E_CONFIG', 'the trust policy is not JSON', { cause });
  }
}
