import { codeOf, messageOf } from '../errors.ts';
import type { StepState } from '../ports.ts';

/** One step of an operation. Running and undoing are idempotent: a crash may repeat either. */
export interface Step {
  readonly name: string;
  /** A text that it resolves with is the detail in the journal. */
  readonly run: () => Promise<unknown>;
  /** Takes back what `run` did, wholly or partly done. Absent: there is nothing to take back. */
  readonly undo?: () => Promise<void>;
}

/** Where the progress of steps is written. */
export interface Journal {
  step(name: string, state: StepState, detail?: string): Promise<void>;
}

/** A journal for moves that leave nothing behind in storage, such as starting extensions at boot. */
export const NO_JOURNAL: Journal = { step: async () => undefined };

/** Runs steps in order. When one fails, it and all before it are undone, newest first, and the failure is thrown. */
export async function runSteps(steps: readonly Step[], journal: Journal): Promise<void> {
  for (const [index, step] of steps.entries()) {
    await journal.step(step.name, 'running');
    try {
      const detail = await step.run();
      await journal.step(step.name, 'done', typeof detail === 'string' ? detail : undefined);
    } catch (failure) {
      await journal.step(step.name, 'failed', `${codeOf(failure) ?? 'E_INTERNAL'}: ${messageOf(failure)}`);
      await undoSteps(steps.slice(0, index + 1), journal);
      throw failure;
    }
  }
}

/** Undoes steps, newest first. One that cannot be undone does not keep the others from it; the first such failure is thrown. */
export async function undoSteps(steps: readonly Step[], journal: Journal): Promise<void> {
  let failed: { cause: unknown } | undefined;
  for (const step of [...steps].reverse()) {
    if (step.undo === undefined) continue;
    try {
      await step.undo();
      await journal.step(step.name, 'undone');
    } catch (cause) {
      await journal.step(step.name, 'failed', `not undone: ${messageOf(cause)}`);
      failed ??= { cause };
    }
  }
  if (failed !== undefined) throw failed.cause;
}
