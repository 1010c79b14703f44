import type { ExtensionRecord, Operation } from '../ports.ts';
import { type InstallInput, installSteps } from './install-steps.ts';
import type { Operations } from './operations.ts';
import type { Parts } from './parts.ts';
import type { RunningExtensions } from './running-extensions.ts';
import { type Journal, runSteps, type Step, undoSteps } from './steps.ts';
import { type SwitchInput, switchSteps } from './switch-steps.ts';
import { type UninstallInput, uninstallSteps } from './uninstall-steps.ts';

/**
 * Completes or undoes every operation that a crash cut off (spec 06), and says so in its row, the log and the
 * audit. What takes away is completed; what adds is undone.
 */
export async function recover(
  parts: Parts,
  running: RunningExtensions,
  operations: Operations,
): Promise<void> {
  for (const operation of await parts.stores.operations.running()) {
    const completed = await settle(operation, parts, running, operations.journal(operation.id));
    const verb = completed ? 'completed' : 'undone';
    const detail = `the host stopped in the middle of the ${operation.kind}; it was ${verb} at the next start`;
    if (completed) await parts.stores.operations.end(operation.id, 'succeeded');
    else
      await parts.stores.operations.end(operation.id, 'rolled_back', {
        code: 'E_OPERATION_INTERRUPTED',
        detail,
      });
    parts.logger.warn({ operation: operation.id, extension: operation.extension }, detail);
    await parts.audit.record({
      principal: 'host',
      tenant: 't_system',
      action: 'operation.recovered',
      target: operation.extension,
      outcome: completed ? 'ok' : 'failed',
      detail: { operation: operation.id, kind: operation.kind, detail },
    });
  }
}

/** Resolves with whether it was completed; else it was undone. */
async function settle(
  operation: Operation,
  parts: Parts,
  running: RunningExtensions,
  journal: Journal,
): Promise<boolean> {
  const begun = new Set(operation.steps.map(({ name }) => name));
  const undoBegun = (steps: readonly Step[]) =>
    undoSteps(
      steps.filter(({ name }) => begun.has(name)),
      journal,
    );
  const record = await parts.stores.extensions.get(operation.extension);
  switch (operation.kind) {
    case 'install':
      await undoBegun(installSteps(operation.input as unknown as InstallInput, parts, running));
      return false;
    case 'uninstall':
      await runSteps(uninstallSteps(operation.input as unknown as UninstallInput, parts, running), journal);
      return true;
    case 'disable':
      if (record !== null) await parts.stores.extensions.put({ ...record, state: 'disabled', reason: null });
      return true;
    case 'enable':
      return false; // it leaves nothing behind but its row: the state is written by its last step
    default:
      return settleSwitch(operation.input as unknown as SwitchInput, record, undoBegun, parts, running);
  }
}

/** The record says which version holds: what came before it is undone, what comes after it needs no repeating. */
async function settleSwitch(
  input: SwitchInput,
  record: ExtensionRecord | null,
  undoBegun: (steps: readonly Step[]) => Promise<void>,
  parts: Parts,
  running: RunningExtensions,
): Promise<boolean> {
  if (record === null) return false;
  if (record.digest === input.digest) {
    await parts.stores.extensions.keep({ id: input.id, ...input.from });
    await parts.stores.extensions.forget(input.id, input.version);
    return true;
  }
  await undoBegun(switchSteps(input, record, parts, running));
  return false;
}
