import type { Operation } from '../ports.ts';
import { type BundleInput, bundleSteps, completeRecord } from './bundle-steps.ts';
import type { Parts } from './parts.ts';
import { type Journal, runSteps, undoBegun } from './steps.ts';
import { completeMigrations } from './switch-migrations.ts';

/**
 * Settles an operation on a bundle that was cut off. The record of the bundle says how far it came: it is
 * written when all members are moved.
 * @returns whether it was completed; else all members were undone
 */
export async function settleBundle(operation: Operation, parts: Parts, journal: Journal): Promise<boolean> {
  const input = operation.input as unknown as BundleInput;
  // Waiting for other hosts would keep this one from saying that it is there.
  const steps = bundleSteps(input, { ...parts, followed: async () => undefined });
  if (input.kind === 'disable' || input.kind === 'uninstall') {
    await runSteps(steps, journal);
    return true;
  }
  const { after } = input.plan;
  const record = await parts.stores.extensions.get(input.id);
  if (record?.digest === after.digest && record.state === after.state) {
    await completeRecord(input, parts);
    for (const planned of input.plan.moves)
      if (planned.move === 'switch') await completeMigrations(planned.input, parts);
    return true;
  }
  await undoBegun(operation, steps, journal);
  return false;
}
