import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { codeOf, messageOf } from '../errors.ts';
import type { Stores } from '../ports.ts';
import type { Package, Verified } from '../trust/verify.ts';
import { runPhase } from './guest.ts';
import type { Parts } from './parts.ts';
import { rehearse } from './rehearsal.ts';
import type { Step } from './steps.ts';

export interface UninstallInput {
  readonly id: ExtensionId;
  readonly digest: string;
  /** Drop the data even where the migrations cannot be reversed. */
  readonly purge: boolean;
}

/**
 * The steps from an installed extension to none (spec 06, uninstall). None has an undo: an uninstall that was
 * cut off is completed, not taken back, so every step may run twice.
 */
export function uninstallSteps(input: UninstallInput, parts: Parts): Step[] {
  const { id } = input;
  const { stores, data, files, gate, bus } = parts;
  let dropData = input.purge;
  return [
    { name: 'uninstall()', run: () => farewell(input, parts) },
    {
      name: 'reverse migrations',
      run: async () => {
        if (input.purge) return 'skipped: everything is purged';
        const files = await migrationsOf(input, parts);
        if (files === null) return 'skipped: the package is gone';
        if (files.some(({ down }) => down === null)) return 'irreversible, data kept';
        const reversed = await data.unmigrate(id, files);
        dropData = true;
        return reversed.length === 0 ? 'none' : reversed.join(', ');
      },
    },
    {
      name: 'remove grants, subscriptions, role and schema',
      run: async () => {
        await removeGrants(id, stores);
        gate.release(id);
        await bus.forget(id);
        if (dropData) await stores.state.clear(id);
        await data.deprovision(id, { dropData });
        return dropData ? 'data dropped' : 'data kept';
      },
    },
    {
      name: 'remove files',
      run: async () => {
        await (dropData ? files.clear(id) : files.clearTemp(id));
        await parts.forget(id, { purge: input.purge });
        return dropData ? 'files removed' : 'files kept with the data';
      },
    },
    {
      name: 'remove packages',
      run: async () => {
        const record = await stores.extensions.get(id);
        if (record !== null)
          await stores.extensions.put({ ...record, state: 'uninstalled', config: {}, reason: null });
        await removeGrants(id, stores); // what was added meanwhile; from here on nothing is
        parts.hooks.open(id);
        await removePackages(id, stores);
      },
    },
  ];
}

async function removeGrants(id: ExtensionId, { grants }: Pick<Stores, 'grants'>): Promise<void> {
  for (const { capability } of await grants.list(id)) await grants.remove(id, capability);
}

/** Every version of it that is stored, or kept to go back to. */
export async function removePackages(
  id: ExtensionId,
  { extensions, packages }: Pick<Stores, 'extensions' | 'packages'>,
): Promise<void> {
  for (const { version } of await extensions.kept(id)) await extensions.forget(id, version);
  for (const { digest } of await packages.list(id)) await packages.remove(digest);
}

/** Lets the extension clean up. It is going either way: its failing is noted, not obeyed. */
async function farewell(input: UninstallInput, parts: Parts): Promise<string | undefined> {
  const record = await parts.stores.extensions.get(input.id);
  if (record === null || record.state === 'uninstalled') return 'nothing to run';
  if (record.state === 'quarantined') return 'skipped: it is quarantined';
  let verified: Verified<Package>;
  try {
    verified = await parts.registry.verified(input.digest);
  } catch (failure) {
    return `skipped: ${codeOf(failure) ?? messageOf(failure)}`;
  }
  try {
    await rehearse(verified, record.config, parts, (process) =>
      runPhase(process, verified.manifest, 'uninstall'),
    );
    return undefined;
  } catch (failure) {
    return `uninstall() failed: ${codeOf(failure) ?? messageOf(failure)}`;
  }
}

async function migrationsOf(
  { digest }: UninstallInput,
  { registry }: Parts,
): Promise<Package['migrations'] | null> {
  try {
    return (await registry.loaded(digest)).migrations;
  } catch (failure) {
    if (codeOf(failure) === 'E_NOT_FOUND') return null;
    throw failure;
  }
}
