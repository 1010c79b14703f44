import { resolve } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import { readArchive } from '../../kernel/trust/archive.ts';
import { EMPTY_POLICY, parseTrustPolicy, type TrustPolicy } from '../../kernel/trust/policy.ts';
import { addKey } from '../../kernel/trust/policy-edit.ts';
import { readManifestJson } from '../../kernel/trust/read-manifest.ts';
import { verifyPackage } from '../../kernel/trust/verify.ts';
import type { JsonObject } from '../../manifests/json.ts';
import { readTrustPolicy } from '../packaging/trust-file.ts';
import { readFileOrRefuse, readIfThere } from './read-file.ts';
import type { Session } from './session.ts';
import { BUNDLE_SUFFIX } from './staging.ts';

/** What a package that verified says about itself. */
export interface VerifiedSummary extends JsonObject {
  readonly id: string;
  readonly version: string;
  readonly publisher: string;
  readonly tier: string;
  readonly signedBy: string;
  readonly digest: string;
  readonly capabilities: JsonObject[];
}

/**
 * Verifies a package exactly as a host with the same trust policy would.
 * @throws what `verifyPackage` throws
 */
export async function verifyOffline(
  session: Session,
  file: string,
  trust: { readonly key?: string; readonly policy?: string },
): Promise<VerifiedSummary> {
  const { cwd } = session.terminal;
  const archive = await readFileOrRefuse(resolve(cwd, file), 'package');
  const bundle = (await readIfThere(resolve(cwd, file) + BUNDLE_SUFFIX))?.toString() ?? null;
  const policy = await policyFor(session, archive, trust);
  const checked = await verifyPackage({ archive, bundle, policy, now: new Date() });
  const { id, version, capabilities } = checked.manifest;
  const { publisher, tier, signedBy, digest } = checked;
  const asked = capabilities.map(({ name, reason, scope }) => ({ name, reason, scope: scopeJson(scope) }));
  return { id, version, publisher, tier, signedBy, digest, capabilities: asked };
}

function scopeJson(scope: Readonly<Record<string, readonly string[]>> | undefined): JsonObject | null {
  if (scope === undefined) return null;
  return Object.fromEntries(Object.entries(scope).map(([key, values]) => [key, [...values]]));
}

async function policyFor(
  session: Session,
  archive: Uint8Array,
  { key, policy }: { readonly key?: string; readonly policy?: string },
): Promise<TrustPolicy> {
  const { cwd } = session.terminal;
  if (key !== undefined) return trustOnly(archive, await readFileOrRefuse(resolve(cwd, key), 'key'));
  if (policy === undefined) return readTrustPolicy(session.config().dataDir);
  const text = await readFileOrRefuse(resolve(cwd, policy), 'trust policy');
  return parseTrustPolicy(parseJson(text.toString()));
}

/** Trusts this key, and nothing else, for whatever publisher the package names. */
async function trustOnly(archive: Uint8Array, publicKey: Buffer): Promise<TrustPolicy> {
  const publisher = await publisherOf(archive);
  if (publisher === null) return EMPTY_POLICY;
  return addKey(EMPTY_POLICY, { publisher, publicKey: publicKey.toString(), tier: 'community' });
}

/** `null` for what is no package: verifying it says why. */
async function publisherOf(archive: Uint8Array): Promise<string | null> {
  try {
    const files = await readArchive(archive);
    const { id } = readManifestJson(files.get('manifest.json') ?? new Uint8Array());
    return id.slice(0, id.indexOf('/'));
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
