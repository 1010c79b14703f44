import type { LoadedPackage } from '../trust/verify.ts';
import type { Parts } from './parts.ts';
import type { Step } from './steps.ts';
import { isForward, type SwitchInput } from './switch-input.ts';

type Migrations = Pick<LoadedPackage, 'migrations'>;

/**
 * Expand first: the old version goes on working with what the new migrations add.
 * @param verified the new version
 */
export function expandStep(input: SwitchInput, verified: () => Migrations, parts: Parts): Step {
  const { data, stores, registry } = parts;
  return {
    name: 'run migrations',
    run: async () => {
      const applied = await data.migrate(input.id, verified().migrations);
      await data.syncGrants(input.id, await stores.grants.list(input.id));
      return listed(applied);
    },
    undo: async () => {
      const { migrations } = await registry.loaded(input.digest);
      const keep = namesOf((await registry.loaded(input.from.digest)).migrations);
      const added = migrations.filter(({ name }) => !keep.includes(name));
      // One that cannot be reversed stays: it only added, and the old version works with it.
      if (added.every(({ down }) => down !== null)) await data.unmigrate(input.id, migrations, keep);
    },
  };
}

/** After the switch: the version that serves again was written for the tables without these. */
export function contractStep(input: SwitchInput, parts: Parts): Step {
  return {
    name: 'reverse migrations',
    final: true,
    run: () => reverseMigrations(input, parts),
    // The version that was left serves again: its tables are there, what was in them is not.
    undo: async () => {
      const { migrations } = await parts.registry.loaded(input.from.digest);
      await parts.data.migrate(input.id, migrations);
    },
  };
}

/** What follows from the record of a switch that was cut off after it was written. Idempotent. */
export async function completeMigrations(input: SwitchInput, parts: Parts): Promise<void> {
  if (!isForward(input)) await reverseMigrations(input, parts);
}

async function reverseMigrations(input: SwitchInput, { data, registry }: Parts): Promise<string> {
  const old = await registry.loaded(input.from.digest);
  const keep = namesOf((await registry.loaded(input.digest)).migrations);
  if (input.force && irreversible(old, keep).length > 0) return 'irreversible, left as they are';
  return listed(await data.unmigrate(input.id, old.migrations, keep));
}

/** The migrations of one package that have no way back to another one. */
export async function irreversibleBetween(
  now: string,
  target: string,
  { registry }: Pick<Parts, 'registry'>,
): Promise<string[]> {
  const { migrations } = await registry.loaded(target);
  return irreversible(await registry.loaded(now), namesOf(migrations));
}

/** The migrations beyond `keep` that have no way back. */
export function irreversible({ migrations }: Migrations, keep: readonly string[]): string[] {
  return namesOf(migrations.filter(({ name, down }) => down === null && !keep.includes(name)));
}

function namesOf(migrations: readonly { readonly name: string }[]): string[] {
  return migrations.map(({ name }) => name);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
