import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuid } from 'uuid';
import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { codeOf, MagError, toMagError } from '../errors.ts';
import type { Principal } from '../operator.ts';
import type { Logger, Operation, OperationKind, OperationStep, OperationStore, StepState } from '../ports.ts';
import { isTakingAway } from './moves.ts';
import { type Journal, NotUndone } from './steps.ts';
import type { Turns } from './turns.ts';

type Listener = (step: OperationStep | { ended: Operation }) => void;

/** How often it is looked whether an operation that another host does has ended. */
const LOOK_MS = 200;

/** What an operation does, once it is journaled. */
export interface Work {
  readonly kind: OperationKind;
  readonly extension: ExtensionId;
  /** What it moves, where that is more than the extension. */
  readonly holds?: readonly ExtensionId[];
  readonly input: JsonObject;
  readonly by: Principal;
  readonly run: (journal: Journal) => Promise<void>;
  /** Runs after the end is journaled, whatever the end was. */
  readonly after: (error: MagError | null) => Promise<void>;
}

/** Runs operations: journals their steps, lets others wait for them and follow them. */
export class Operations {
  readonly #store: OperationStore;
  readonly #turns: Turns;
  readonly #logger: Logger;
  readonly #running = new Map<string, Promise<void>>();
  /** Those that are being begun, done or ended. */
  readonly #underWay = new Set<string>();
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(store: OperationStore, turns: Turns, logger: Logger) {
    this.#store = store;
    this.#turns = turns;
    this.#logger = logger;
  }

  /**
   * Journals the operation and starts it. One that is running and was asked for the same is handed back: asking
   * twice is asking once.
   * @throws `E_STATE` when another one runs on the extension
   */
  async start(work: Work): Promise<string> {
    const id = uuid();
    const { kind, extension, input, by, holds = [extension] } = work;
    this.#underWay.add(id);
    try {
      await this.#store.begin({ id, kind, extension, principal: by.id, input }, holds);
    } catch (failure) {
      this.#underWay.delete(id);
      if (codeOf(failure) !== 'E_STATE') throw failure; // where it is on record all the same, it is settled
      const running = await this.#store.holder(extension);
      if (running === null || !isSame(running, work)) throw failure;
      return running.id;
    }
    const ended = this.#turns
      .take(holds, () => this.#run(id, work))
      .finally(() => {
        this.#running.delete(id);
        this.#underWay.delete(id);
      });
    this.#running.set(id, ended);
    return id;
  }

  /** @throws `E_NOT_FOUND` */
  async get(id: string, waitMs = 0): Promise<Operation> {
    const ended = this.#running.get(id);
    if (ended !== undefined && waitMs > 0) await Promise.race([ended, after(waitMs)]);
    for (const deadline = performance.now() + waitMs; ; await sleep(LOOK_MS, undefined, { ref: false })) {
      const operation = await this.#store.get(id);
      if (operation === null) throw new MagError('E_NOT_FOUND', 'no such operation');
      if (operation.state !== 'running' || performance.now() >= deadline) return operation;
    }
  }

  /**
   * Asks to cancel an operation, wherever it runs: it ends before its next step and is undone, unless it is too
   * late for that by then.
   * @throws `E_NOT_FOUND`; `E_STATE` when it has ended, or takes away and is completed once begun
   */
  async cancel(id: string): Promise<Operation> {
    const { kind, state } = await this.get(id);
    const isRunning = state === 'running' && (isTakingAway(kind) || (await this.#store.cancel(id)));
    if (!isRunning) throw new MagError('E_STATE', 'the operation has ended already');
    if (isTakingAway(kind))
      throw new MagError('E_STATE', `cannot cancel: ${kind} is completed once it has begun`);
    return this.get(id);
  }

  onStep(id: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(id);
    };
  }

  /** Where the steps of an operation are written, and told to whoever follows it. */
  journal(id: string): Journal {
    const startedAt = new Map<string, Date>();
    const tell = (name: string, state: StepState, detail: string | null) => {
      const now = new Date();
      if (state === 'running') startedAt.set(name, now);
      const endedAt = state === 'running' ? null : now;
      this.#tell(id, { name, state, startedAt: startedAt.get(name) ?? now, endedAt, detail });
    };
    return {
      step: async (name, state, detail, next) => {
        const cancelled = await this.#store.step(id, name, state, detail, next);
        tell(name, state, detail ?? null);
        if (next !== undefined) tell(next, 'running', null);
        return cancelled;
      },
    };
  }

  /** What this host is doing. Any other that is on record as running here was cut off. */
  get underWay(): readonly string[] {
    return [...this.#underWay];
  }

  /** Waits for what runs. */
  async settle(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  async #run(id: string, work: Work): Promise<void> {
    let error: MagError | null = null;
    try {
      await work.run(this.journal(id));
    } catch (failure) {
      error = toMagError(failure);
      const fields = {
        operation: id,
        kind: work.kind,
        extension: work.extension,
        code: error.code,
        err: failure,
      };
      this.#logger.warn(fields, 'an operation failed');
    }
    if (error !== null && isCutOff(work.kind, error)) return; // on record as running: it is settled from there
    try {
      if (error === null) await this.#store.end(id, 'succeeded');
      else await this.#store.end(id, endState(work.kind, error), { code: error.code, detail: error.message });
      await work.after(error);
      const ended = await this.#store.get(id);
      if (ended !== null) this.#tell(id, { ended });
    } catch (failure) {
      // Where the journal still says running, it is settled from there.
      this.#logger.error({ operation: id, err: failure }, 'the end of an operation could not be written');
    }
  }

  #tell(id: string, news: OperationStep | { ended: Operation }): void {
    for (const listener of this.#listeners.get(id) ?? []) listener(news);
  }
}

/** How an operation that failed ended: as if it had never been, or with something left of what it reached. */
function endState(kind: OperationKind, error: MagError): 'failed' | 'rolled_back' {
  return !isTakingAway(kind) && !(error instanceof NotUndone) ? 'rolled_back' : 'failed';
}

/** The storage was away when it was to be undone, or completed: that is done when it is back. */
function isCutOff(kind: OperationKind, error: MagError): boolean {
  return error.code === 'E_STORAGE' && (error instanceof NotUndone || isTakingAway(kind));
}

function isSame(running: Operation, { kind, extension, input }: Work): boolean {
  if (running.kind !== kind || running.extension !== extension) return false;
  // Who asked makes no difference; the plan of a bundle changes while it is being carried out.
  const asked = (all: JsonObject) => JSON.stringify({ ...all, principal: '', plan: null });
  return asked(running.input) === asked(input);
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
