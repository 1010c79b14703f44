import type { Operation } from '../ports.ts';
import { type InstallInput, installSteps } from './install-steps.ts';
import type { Operations } from './operations.ts';
import type { Parts } from './parts.ts';
import type { RunningExtensions } from './running-extensions.ts';
import { type Journal, runSteps, undoSteps } from './steps.ts';
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
    const completed = operation.kind === 'disable' || operation.kind === 'uninstall';
    await settle(operation, parts, running, operations.journal(operation.id));
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

async function settle(
  operation: Operation,
  parts: Parts,
  running: RunningExtensions,
  journal: Journal,
): Promise<void> {
  if (operation.kind === 'install') {
    const begun = new Set(operation.steps.map(({ name }) => name));
    const steps = installSteps(operation.input as unknown as InstallInput, parts, running);
    await undoSteps(
      steps.filter(({ name }) => begun.has(name)),
      journal,
    );
  } else if (operation.kind === 'uninstall') {
    await runSteps(uninstallSteps(operation.input as unknown as UninstallInput, parts, running), journal);
  } else if (operation.kind === 'disable') {
    const record = await parts.stores.extensions.get(operation.extension);
    if (record !== null) await parts.stores.extensions.put({ ...record, state: 'disabled', reason: null });
  }
  // An enable leaves nothing behind but its row: the state is written by its last step.
}
