import { setTimeout as sleep } from 'node:timers/promises';
import { MagError, messageOf } from '../kernel/errors.ts';
import type { Operator, Principal } from '../kernel/operator.ts';
import type { Logger, Stores } from '../kernel/ports.ts';
import type { ExtensionId } from '../manifests/manifest/manifest.ts';
import type { RegistryDesk } from './api/services.ts';

const BY: Principal = { id: 'host', tenant: 't_system' };
/** Installing a bundle takes seconds; a host that waits for longer than this is better up and says so. */
const PATIENCE_MS = 120_000;
const LOOK_EVERY_MS = 200;

interface Parts {
  readonly operator: Operator;
  readonly extensions: Stores['extensions'];
  readonly registries: RegistryDesk;
  readonly logger: Logger;
}

/**
 * Installs and enables what a host comes with, with all the rights it asks for: whoever set the configuration has
 * approved them. What was ever known here is left as its operators have it, uninstalled too. Never throws: without
 * it the host serves all the rest.
 * @returns why each that failed is not there; it is tried again at the next start
 */
export async function preinstall(
  ids: readonly ExtensionId[],
  parts: Parts,
): Promise<Map<ExtensionId, string>> {
  const failed = new Map<ExtensionId, string>();
  for (const id of ids) {
    try {
      await ensure(id, parts);
    } catch (failure) {
      const reason = failure instanceof MagError ? `${failure.code}: ${failure.message}` : messageOf(failure);
      parts.logger.error({ extension: id, reason }, 'what the host comes with could not be installed');
      failed.set(id, reason);
    }
  }
  return failed;
}

/** Hosts that start at once on one database: the one that comes first does it, and the others wait for it. */
async function ensure(id: ExtensionId, parts: Parts): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      if (!(await isKnown(id, parts))) await installOne(id, parts);
      if (await isHalfDone(id, parts)) await ended(parts.operator, await parts.operator.enable(id, BY));
      return;
    } catch (failure) {
      if (!(failure instanceof MagError) || failure.code !== 'E_STATE' || Date.now() > deadline)
        throw failure;
      await sleep(LOOK_EVERY_MS);
    }
  }
}

/** A package that was staged, and no more than that, is what a start that failed has left. */
async function isKnown(id: ExtensionId, { extensions }: Parts): Promise<boolean> {
  const record = await extensions.get(id);
  return record !== null && record.highestVersion !== null;
}

/** Installed by a host, and nobody did anything with it since. */
async function isHalfDone(id: ExtensionId, { operator }: Parts): Promise<boolean> {
  const { record, operations } = await operator.show(id);
  return record.state === 'installed' && operations.every(({ principal }) => principal === BY.id);
}

async function installOne(id: ExtensionId, { operator, registries }: Parts): Promise<void> {
  const resolved = await registries.resolve({ wanted: { [id]: '*' } }, BY);
  for (const one of resolved) {
    if (one.action !== 'install' || one.memberOf !== null) continue;
    const request = { version: one.version, approve: 'all' } as const;
    await ended(operator, await operator.install(one.id, request, BY));
  }
}

async function ended(operator: Operator, operation: string): Promise<void> {
  const { state, error } = await operator.operation(operation, PATIENCE_MS);
  if (state === 'succeeded') return;
  throw new Error(error === null ? 'it is not done yet, and goes on' : `${error.code}: ${error.detail}`);
}
