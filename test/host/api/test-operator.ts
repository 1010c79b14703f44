import { MagError } from '../../../kernel/errors.ts';
import type { ReplayFrom } from '../../../kernel/events/bus.ts';
import type {
  ExtensionDetail,
  ExtensionSummary,
  HealthReport,
  InstallRequest,
  Operator,
  Principal,
  RollbackRequest,
  Staged,
  StartupEntry,
  UpgradePlan,
  UpgradeRequest,
  Upload,
} from '../../../kernel/operator.ts';
import type { DeadLetter, Operation, OperationStep, OperationStore, Replay } from '../../../kernel/ports.ts';
import type { Scope } from '../../../manifests/catalog/index.ts';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { detailOf } from './test-extension.ts';

export interface Asked {
  readonly what: string;
  readonly with: unknown;
  readonly by: Principal;
}

/** Knows one extension, acme/hello, and writes down what it is asked. Operations are in the real store. */
export class TestOperator implements Operator {
  readonly asked: Asked[] = [];
  /** Thrown by the next move. */
  refusal: Error | null = null;
  detail: ExtensionDetail = detailOf('acme/hello');
  more: ExtensionSummary[] = [];
  readonly #operations: OperationStore;
  readonly #listeners = new Set<(step: OperationStep | { ended: Operation }) => void>();

  constructor(stores: { operations: OperationStore }) {
    this.#operations = stores.operations;
  }

  async stage({ archive, bundle, attestations }: Upload, by: Principal): Promise<Staged> {
    this.#note('stage', { bytes: archive.byteLength, bundle, attestations }, by);
    if (bundle === null) throw new MagError('E_SIG_MISSING', 'The package came without a signature.');
    const [stored] = this.detail.versions;
    if (!stored) throw new Error('no version');
    return { package: stored, manifest: this.detail.manifest, members: [], warnings: ['be careful'] };
  }

  async stageAll(): Promise<void> {}

  async packages(): Promise<Staged[]> {
    return [];
  }

  install(id: ExtensionId, request: InstallRequest, by: Principal): Promise<string> {
    return this.#begin('install', id, request, by);
  }

  enable(id: ExtensionId, by: Principal): Promise<string> {
    return this.#begin('enable', id, {}, by);
  }

  disable(id: ExtensionId, by: Principal): Promise<string> {
    return this.#begin('disable', id, {}, by);
  }

  upgrade(id: ExtensionId, request: UpgradeRequest, by: Principal): Promise<string> {
    return this.#begin('upgrade', id, request, by);
  }

  rollback(id: ExtensionId, request: RollbackRequest, by: Principal): Promise<string> {
    return this.#begin('rollback', id, request, by);
  }

  async upgradePlan(_id: ExtensionId, version: string): Promise<UpgradePlan> {
    return {
      from: '1.2.0',
      to: version,
      capabilities: { added: [], removed: [], changed: [] },
      dependencies: { added: {}, removed: [], changed: {} },
      migrations: { run: [], irreversible: [] },
      contributions: { added: [], removed: [] },
      sizeBytes: { from: 1, to: 2 },
    };
  }

  uninstall(id: ExtensionId, request: { purge: boolean }, by: Principal): Promise<string> {
    return this.#begin('uninstall', id, request, by);
  }

  async operation(id: string, waitMs = 0): Promise<Operation> {
    const until = Date.now() + waitMs;
    for (;;) {
      const operation = await this.#operations.get(id);
      if (operation === null) throw new MagError('E_NOT_FOUND', 'No such operation.');
      if (operation.state !== 'running' || Date.now() >= until) return operation;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async cancel(id: string, by: Principal): Promise<Operation> {
    this.#note('cancel', { id }, by);
    return this.operation(id);
  }

  async retry(id: string, by: Principal): Promise<string> {
    this.#note('retry', { id }, by);
    return 'retried';
  }

  onStep(_operation: string, listener: (step: OperationStep | { ended: Operation }) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Moves a step and tells whoever listens. */
  async step(operation: string, name: string, state: 'running' | 'done'): Promise<void> {
    await this.#operations.step(operation, name, state);
    const { steps } = await this.operation(operation);
    const step = steps.find((entry) => entry.name === name);
    if (step) for (const listener of this.#listeners) listener(step);
  }

  async end(operation: string): Promise<void> {
    await this.#operations.end(operation, 'succeeded');
    const ended = await this.operation(operation);
    for (const listener of this.#listeners) listener({ ended });
  }

  async list(): Promise<ExtensionSummary[]> {
    return [this.detail, ...this.more];
  }

  async show(id: ExtensionId): Promise<ExtensionDetail> {
    if (id !== this.detail.record.id) throw new MagError('E_NOT_FOUND', `No extension ${id}.`);
    return this.detail;
  }

  async grant(id: ExtensionId, capability: string, scope: Scope | null, by: Principal): Promise<void> {
    this.#note('grant', { id, capability, scope }, by);
  }

  async revoke(id: ExtensionId, capability: string, by: Principal): Promise<void> {
    this.#note('revoke', { id, capability }, by);
  }

  async configure(id: ExtensionId, config: JsonObject, by: Principal): Promise<void> {
    this.#note('configure', { id, config }, by);
    this.detail = { ...this.detail, record: { ...this.detail.record, config } };
  }

  async health(): Promise<HealthReport> {
    const at = new Date('2026-11-20T10:00:00Z');
    const alert = {
      extension: 'acme/hello',
      at,
      version: '1.1.0',
      code: 'E_LIMIT_WALL',
      detail: 'slow',
    } as const;
    return { healthy: true, detail: { queue: 3 }, history: [], alerts: [alert] };
  }

  async publish(event: { type: string; data: Json; eventId?: string }, by: Principal) {
    this.#note('publish', event, by);
    return { eventId: event.eventId ?? 'made', sequence: 7 };
  }

  async eventTypes() {
    return [{ name: 'acme.hello.greeted', extension: 'acme/hello' as const, data: { type: 'object' } }];
  }

  async subscriptions() {
    return [];
  }

  async replay(subscription: string, from: ReplayFrom, by: Principal): Promise<Replay> {
    this.#note('replay', { subscription, from }, by);
    return { id: 'replay', subscription, sequence: 0, until: 7, createdAt: new Date(0) };
  }

  async deadLetters(): Promise<DeadLetter[]> {
    return [];
  }

  async redrive(id: string, by: Principal): Promise<void> {
    this.#note('redrive', { id }, by);
  }

  async purgeDeadLetter(id: string, by: Principal): Promise<void> {
    this.#note('purge', { id }, by);
  }

  startup(): readonly StartupEntry[] {
    return [{ extension: 'acme/hello', state: 'started', tookMs: 12, reason: null }];
  }

  async #begin(
    kind: Operation['kind'],
    extension: ExtensionId,
    input: object,
    by: Principal,
  ): Promise<string> {
    this.#note(kind, { id: extension, ...input }, by);
    const id = crypto.randomUUID();
    await this.#operations.begin({ id, kind, extension, principal: by.id, input: input as JsonObject }, [
      extension,
    ]);
    return id;
  }

  #note(what: string, details: unknown, by: Principal): void {
    this.asked.push({ what, with: details, by });
    const { refusal } = this;
    this.refusal = null;
    if (refusal !== null) throw refusal;
  }
}
