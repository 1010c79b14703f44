import { messageOf, toMagError } from '../errors.ts';
import type { ExtensionRecord, Operation } from '../ports.ts';
import { type BundleInput, bundleSteps, completeRecord, holdsOf } from './bundles/steps.ts';
import { completeMove, isRecorded, moveOf, stepsOf } from './extension-moves.ts';
import { isTakingAway } from './moves.ts';
import type { Operations } from './operations.ts';
import type { Parts } from './parts.ts';
import { type Journal, runSteps, type Step, undoBegun } from './steps.ts';

/** With a storage that answers; the tries are a beat of the host apart, two seconds. */
const MAX_TRIES = 30;

/**
 * Completes or undoes every operation that was cut off, by the end of its host or because the storage was away
 * (spec 06), and says so in its row, the log and the audit. What takes away is completed; what adds is undone.
 */
export class Recovery {
  readonly #parts: Parts;
  readonly #operations: Operations;
  /** How often it was tried to settle an operation. Until it is, the extension stays as it is, and no other one begins. */
  readonly #tries = new Map<string, number>();
  #underway: Promise<void> | null = null;
  #stopped = false;

  constructor(parts: Parts, operations: Operations) {
    this.#parts = parts;
    this.#operations = operations;
  }

  /**
   * Does so in the background: it may run `uninstall()` of an extension, and a host that waited for that would not say
   * that it is there. Never throws; a call while it is at work asks for nothing more.
   */
  wake(): void {
    if (this.#stopped) return;
    this.#underway ??= this.run()
      .catch((failure: unknown) =>
        this.#parts.logger.warn(
          { reason: messageOf(failure) },
          'operations that were cut off wait for the storage',
        ),
      )
      .finally(() => {
        this.#underway = null;
      });
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#underway;
  }

  /** Settles what was cut off here, and by the end of other hosts. What fails is tried again the next time. */
  async run(): Promise<void> {
    const { stores, logger } = this.#parts;
    for (const operation of await stores.operations.adopt(this.#operations.underWay)) {
      try {
        await this.#settle(operation);
        this.#tries.delete(operation.id);
      } catch (failure) {
        const { id, kind, extension } = operation;
        logger.error({ operation: id, kind, extension, err: failure }, 'it could not be settled yet');
        await this.#giveUpInTheEnd(operation, failure);
      }
    }
  }

  /** What cannot be settled however often it is tried is left to an operator, who finds the extension free to move. */
  async #giveUpInTheEnd({ id }: Operation, failure: unknown): Promise<void> {
    const tries = (this.#tries.get(id) ?? 0) + 1;
    this.#tries.set(id, tries);
    if (tries < MAX_TRIES) return;
    const { code, message } = toMagError(failure);
    await this.#parts.stores.operations.end(id, 'failed', { code, detail: `not settled: ${message}` });
    this.#tries.delete(id);
  }

  async #settle(operation: Operation): Promise<void> {
    const { id, kind, extension } = operation;
    const { turns, stores, logger, audit } = this.#parts;
    const journal = this.#operations.journal(id);
    const holds = isBundle(operation) ? holdsOf(operation.input as unknown as BundleInput, []) : [extension];
    const completed = await turns.take(holds, () => settle(operation, this.#parts, journal));
    const verb = completed ? 'completed' : 'undone';
    const detail = `the ${kind} was cut off in the middle; it was ${verb} afterwards`;
    if (completed) await stores.operations.end(id, 'succeeded');
    else await stores.operations.end(id, 'rolled_back', { code: 'E_OPERATION_INTERRUPTED', detail });
    logger.warn({ operation: id, extension }, detail);
    await audit.record({
      principal: 'host',
      tenant: 't_system',
      action: 'operation.recovered',
      target: extension,
      outcome: completed ? 'ok' : 'failed',
      detail: { operation: id, kind, detail },
    });
  }
}

/**
 * What takes away is done to its end. Of what adds, the record says how far it came: written, what follows from it is
 * done; else all that was begun is undone.
 * @returns whether it was completed
 */
async function settle(operation: Operation, all: Parts, journal: Journal): Promise<boolean> {
  // Waiting for other hosts would keep this one from saying that it is there.
  const parts: Parts = { ...all, followed: async () => undefined };
  const record = await parts.stores.extensions.get(operation.extension);
  if (record === null) return false;
  const begun = isBundle(operation)
    ? begunOnBundle(operation, record, parts)
    : begunOnExtension(operation, record, parts);
  if (isTakingAway(operation.kind)) {
    await runSteps(begun.steps, journal);
    return true;
  }
  if (begun.isRecorded) await begun.complete();
  else await undoBegun(operation, begun.steps, journal);
  return begun.isRecorded;
}

/** An operation as it was cut off. */
interface Begun {
  readonly steps: readonly Step[];
  /** Whether the record of what it moves is written. */
  readonly isRecorded: boolean;
  /** What follows from that. Idempotent. */
  readonly complete: () => Promise<void>;
}

function begunOnExtension(operation: Operation, record: ExtensionRecord, parts: Parts): Begun {
  const move = moveOf(operation, record);
  return {
    steps: stepsOf(move, parts),
    isRecorded: isRecorded(move, record),
    complete: () => completeMove(move, parts),
  };
}

/** The record of the bundle is written when all members are moved. */
function begunOnBundle(operation: Operation, record: ExtensionRecord, parts: Parts): Begun {
  const input = operation.input as unknown as BundleInput;
  const { after, moves } = input.plan;
  return {
    steps: bundleSteps(input, parts),
    isRecorded: record.digest === after.digest && record.state === after.state,
    complete: async () => {
      await completeRecord(input, parts);
      for (const move of moves) await completeMove(move, parts);
    },
  };
}

/** Only what moves a bundle is journaled with a plan. */
function isBundle({ input }: Operation): boolean {
  return Object.hasOwn(input, 'plan');
}
