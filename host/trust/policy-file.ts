import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrustMaterial } from '@sigstore/verify';
import { MagError, messageOf } from '../../kernel/errors.ts';
import { makeFolder } from '../../kernel/make-folder.ts';
import { parseTrustedRoot } from '../../kernel/trust/certificate.ts';
import {
  EMPTY_POLICY,
  type PinnedRoot,
  parseTrustPolicy,
  type TrustPolicy,
} from '../../kernel/trust/policy.ts';
import { policyJson } from './policy-json.ts';

const FILE = 'trust-policy.json';

/**
 * The trust policy in a data folder; an absent file trusts nobody.
 * @throws `E_CONFIG` when the file cannot be read or is wrong
 */
export async function readTrustPolicy(dataDir: string): Promise<TrustPolicy> {
  const json = await readJson(dataDir, FILE);
  return json === null ? EMPTY_POLICY : withRoots(json, dataDir);
}

/** The policy with the roots beside it, which whom it trusts is pinned to. @throws `E_CONFIG` */
export async function withRoots(json: unknown, dir: string): Promise<TrustPolicy> {
  const roots = new Map<string, TrustMaterial>();
  const { publishers, reviewers, revokers } = parseTrustPolicy(json);
  for (const { trustedRoot } of [...publishers.values(), ...reviewers.values(), ...revokers.values()]) {
    if (trustedRoot === null) continue;
    const root = await readJson(dir, trustedRoot.file);
    if (root !== null) roots.set(trustedRoot.file, parseTrustedRoot(root));
  }
  return parseTrustPolicy(json, roots);
}

/** Replaces the policy at once: a crash leaves the old or the new file, never half of one. */
export async function writeTrustPolicy(dataDir: string, policy: TrustPolicy): Promise<void> {
  await replaceFile(dataDir, FILE, policyJson(policy));
}

async function replaceFile(dataDir: string, file: string, json: unknown): Promise<void> {
  const target = join(dataDir, file);
  const temporary = `${target}.${randomUUID()}`;
  await makeFolder(dataDir);
  try {
    await writeFile(temporary, `${JSON.stringify(json, null, 2)}\n`, { mode: 0o600, flush: true });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new MagError('E_CONFIG', `${file} cannot be written.`, { cause: error });
  }
}

/**
 * Keeps a root beside the policy.
 * @throws `E_BAD_REQUEST` when it is none
 */
export async function pin(dataDir: string, file: string, json: unknown): Promise<PinnedRoot> {
  const material = rootOrRefuse(json);
  await replaceFile(dataDir, file, json);
  return { file, material };
}

function rootOrRefuse(json: unknown): TrustMaterial {
  try {
    return parseTrustedRoot(json);
  } catch (cause) {
    throw new MagError('E_BAD_REQUEST', messageOf(cause), { cause });
  }
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

/** `null`: it is not there. @throws `E_CONFIG` */
async function readJson(dir: string, file: string): Promise<unknown> {
  const text = await readText(dir, file);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MagError('E_CONFIG', `${file} is not JSON.`, { cause: error });
  }
}

async function readText(dir: string, file: string): Promise<string | null> {
  try {
    return await readFile(join(dir, file), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new MagError('E_CONFIG', `${file} cannot be read.`, { cause: error });
  }
}
