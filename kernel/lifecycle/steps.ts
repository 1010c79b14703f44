import { codeOf, MagError, messageOf, toMagError } from '../errors.ts';
import type { Operation, StepState } from '../ports.ts';

/** One step of an operation. Running and undoing are idempotent: a crash may repeat either. */
export interface Step {
  readonly name: string;
  /** A text that it resolves with is the detail in the journal. */
  readonly run: () => Promise<unknown>;
  /** Takes back what `run` did, wholly or partly done. Absent: there is nothing to take back. */
  readonly undo?: () => Promise<void>;
  /** From here on it is not cancelled any more: what follows is done either way. */
  readonly final?: true;
}

/** The steps of a move in parts: an operation that moves several extensions takes each part of all. */
export interface Phases {
  /** Nothing that serves changes. */
  readonly prepare: readonly Step[];
  readonly commit: readonly Step[];
  /** Takes migrations back, after the switch. */
  readonly contract: readonly Step[];
  /** Ends what served: there is no way back from here. */
  readonly retire: readonly Step[];
}

/** Where the progress of steps is written. */
export interface Journal {
  /**
   * Resolves with whether somebody asked to cancel.
   * @param next a step that begins as this one ends: one write says both
   */
  step(name: string, state: StepState, detail?: string, next?: string): Promise<boolean>;
}

/** A journal for moves that leave nothing behind in storage, such as starting extensions at boot. */
export const NO_JOURNAL: Journal = { step: async () => false };

/** Something could not be taken back, so more is left than should be. The code says what kept it from that. */
export class NotUndone extends MagError {
  constructor(cause: unknown) {
    const { code, message } = toMagError(cause);
    super(code, `not undone: ${message}`, { cause });
  }
}

/**
 * Runs steps in order. When one fails, it and all before it are undone, newest first, and the failure is thrown.
 * @throws `E_CANCELLED` when somebody asked for it before a step that is not too late for it; `NotUndone`
 */
export async function runSteps(steps: readonly Step[], journal: Journal): Promise<void> {
  let isFinal = false;
  const [first] = steps;
  let cancelled = first !== undefined && (await journal.step(first.name, 'running'));
  for (const [index, step] of steps.entries()) {
    isFinal ||= step.final === true;
    try {
      if (cancelled && !isFinal) throw new MagError('E_CANCELLED', 'an operator cancelled the operation');
      const result = await step.run();
      const detail = typeof result === 'string' ? result : undefined;
      cancelled = await journal.step(step.name, 'done', detail, steps[index + 1]?.name);
    } catch (failure) {
      await note(journal, step.name, 'failed', `${codeOf(failure) ?? 'E_INTERNAL'}: ${messageOf(failure)}`);
      await undoSteps(steps.slice(0, index + 1), journal);
      throw failure;
    }
  }
}

/**
 * Undoes steps, newest first. One that cannot be undone does not keep the others from it.
 * @throws `NotUndone` with the first such failure
 */
export async function undoSteps(steps: readonly Step[], journal: Journal): Promise<void> {
  let failed: { cause: unknown } | undefined;
  for (const step of [...steps].reverse()) {
    if (step.undo === undefined) continue;
    try {
      await step.undo();
    } catch (cause) {
      failed ??= { cause };
      await note(journal, step.name, 'failed', `not undone: ${messageOf(cause)}`);
      continue;
    }
    await note(journal, step.name, 'undone');
  }
  if (failed !== undefined) throw new NotUndone(failed.cause);
}

/** What cannot be written down is undone all the same: the journal says too little then, and never too much. */
async function note(journal: Journal, name: string, state: StepState, detail?: string): Promise<void> {
  await journal.step(name, state, detail).catch(() => undefined);
}

/** Undoes what an operation that was cut off had begun. */
export function undoBegun(
  { steps: begun }: Pick<Operation, 'steps'>,
  steps: readonly Step[],
  journal: Journal,
): Promise<void> {
  const names = new Set(begun.map(({ name }) => name));
  return undoSteps(
    steps.filter(({ name }) => names.has(name)),
    journal,
  );
}

/** What an earlier step left for this one. */
export function need<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new MagError('E_INTERNAL', 'a step ran before the one it needs');
  return value;
}
