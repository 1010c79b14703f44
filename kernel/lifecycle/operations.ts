import { v7 as uuid } from 'uuid';
import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError, toMagError } from '../errors.ts';
import type { Principal } from '../operator.ts';
import type { Logger, Operation, OperationKind, OperationStep, OperationStore, StepState } from '../ports.ts';
import type { Journal } from './steps.ts';

type Listener = (step: OperationStep | { ended: Operation }) => void;

/** What an operation does, once it is journaled. */
export interface Work {
  readonly kind: OperationKind;
  readonly extension: ExtensionId;
  readonly input: JsonObject;
  readonly by: Principal;
  readonly run: (journal: Journal) => Promise<void>;
  /** Runs after the end is journaled, whatever the end was. */
  readonly after: (error: MagError | null) => Promise<void>;
}

/** Runs operations: journals their steps, lets others wait for them and follow them. */
export class Operations {
  readonly #store: OperationStore;
  readonly #logger: Logger;
  readonly #running = new Map<string, Promise<void>>();
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(store: OperationStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Journals the operation and starts it. @throws `E_STATE` when another one runs on the extension */
  async start(work: Work): Promise<string> {
    const id = uuid();
    const { kind, extension, input, by } = work;
    await this.#store.begin({ id, kind, extension, principal: by.id, input });
    const ended = this.#run(id, work).finally(() => this.#running.delete(id));
    this.#running.set(id, ended);
    return id;
  }

  /** @throws `E_NOT_FOUND` */
  async get(id: string, waitMs = 0): Promise<Operation> {
    const ended = this.#running.get(id);
    if (ended !== undefined && waitMs > 0) await Promise.race([ended, after(waitMs)]);
    const operation = await this.#store.get(id);
    if (operation === null) throw new MagError('E_NOT_FOUND', 'no such operation');
    return operation;
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
    return {
      step: async (name: string, state: StepState, detail?: string) => {
        await this.#store.step(id, name, state, detail);
        const now = new Date();
        if (state === 'running') startedAt.set(name, now);
        this.#tell(id, {
          name,
          state,
          startedAt: startedAt.get(name) ?? now,
          endedAt: state === 'running' ? null : now,
          detail: detail ?? null,
        });
      },
    };
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
    try {
      if (error === null) await this.#store.end(id, 'succeeded');
      else await this.#store.end(id, endState(work.kind), { code: error.code, detail: error.message });
      await work.after(error);
      const ended = await this.#store.get(id);
      if (ended !== null) this.#tell(id, { ended });
    } catch (failure) {
      // The journal still says running: the next start of a host settles it.
      this.#logger.error({ operation: id, err: failure }, 'the end of an operation could not be written');
    }
  }

  #tell(id: string, news: OperationStep | { ended: Operation }): void {
    for (const listener of this.#listeners.get(id) ?? []) listener(news);
  }
}

/** How an operation that failed ended: an install leaves nothing behind, the others leave what they reached. */
function endState(kind: OperationKind): 'failed' | 'rolled_back' {
  return kind === 'disable' || kind === 'uninstall' ? 'failed' : 'rolled_back';
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
