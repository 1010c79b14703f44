import type { Scope } from '../../manifests/catalog/index.ts';
import type { Json, JsonObject } from '../../manifests/json.ts';
import type { AnyManifest, ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../manifests/protocol/frames.ts';
import { MagError } from '../errors.ts';
import type { ReplayFrom, SubscriptionStatus } from '../events/bus.ts';
import { eventContextOf } from '../events/event-context.ts';
import { completeConfig } from '../lifecycle/configuration.ts';
import type { Lifecycle } from '../lifecycle/lifecycle.ts';
import type { MoveRequest } from '../lifecycle/move-request.ts';
import type { Operations } from '../lifecycle/operations.ts';
import type { Parts } from '../lifecycle/parts.ts';
import type { Reconciler } from '../lifecycle/reconciler.ts';
import type {
  InstallRequest,
  Operator,
  Principal,
  RollbackRequest,
  Staged,
  StartupEntry,
  Submitted,
  UpgradeRequest,
  Upload,
} from '../operator.ts';
import type { DeadLetter, DeadLetterFilter, Operation, Replay } from '../ports.ts';
import type { TrustPolicy } from '../trust/policy.ts';
import { ExtensionViews, type ExtensionViewsOptions } from './extension-views.ts';
import { Grants } from './grants.ts';
import { OperatorAudit } from './operator-audit.ts';
import { Staging, type VerifiedUpload } from './staging.ts';

export interface OperatorDeskOptions extends ExtensionViewsOptions {
  readonly lifecycle: Lifecycle;
  readonly operations: Operations;
  readonly reconciler: Reconciler;
  readonly policy: () => Promise<TrustPolicy>;
}

/** Where operators come in: they look, and every wish that changes something is audited, refused ones included. */
export class OperatorDesk extends ExtensionViews implements Operator {
  readonly #parts: Parts;
  readonly #lifecycle: Lifecycle;
  readonly #operations: Operations;
  readonly #reconciler: Reconciler;
  readonly #audit: OperatorAudit;
  readonly #staging: Staging;
  readonly #grants: Grants;

  constructor(options: OperatorDeskOptions) {
    super(options);
    const { parts } = options;
    this.#parts = parts;
    this.#lifecycle = options.lifecycle;
    this.#operations = options.operations;
    this.#reconciler = options.reconciler;
    this.#audit = new OperatorAudit(parts.audit);
    this.#staging = new Staging(parts, options.policy);
    this.#grants = new Grants(parts);
  }

  async stage(upload: Upload, by: Principal): Promise<Staged> {
    return this.#audit.record('extension.stage', 'package', by, async () => {
      const verified = await this.#staging.verify(upload);
      return { result: await this.#staging.store(verified), target: nameOf(verified) };
    });
  }

  async stageAll(packages: readonly Submitted[], by: Principal): Promise<void> {
    const admitted = await this.#audit.recordRefusal('extension.stage', 'packages', by, async () => {
      const all: VerifiedUpload[] = [];
      for (const submitted of packages) {
        const verified = await this.#staging.verify(submitted);
        submitted.accept(verified.manifest);
        all.push(verified);
      }
      return all;
    });
    for (const verified of admitted) {
      await this.#audit.record('extension.stage', nameOf(verified), by, async () => ({
        result: await this.#staging.store(verified),
      }));
    }
  }

  install(id: ExtensionId, request: InstallRequest, by: Principal): Promise<string> {
    return this.#begin({ ...request, kind: 'install', id }, by);
  }

  enable(id: ExtensionId, by: Principal): Promise<string> {
    return this.#begin({ kind: 'enable', id }, by);
  }

  disable(id: ExtensionId, by: Principal): Promise<string> {
    return this.#begin({ kind: 'disable', id }, by);
  }

  uninstall(id: ExtensionId, request: { purge: boolean }, by: Principal): Promise<string> {
    return this.#begin({ ...request, kind: 'uninstall', id }, by);
  }

  upgrade(id: ExtensionId, request: UpgradeRequest, by: Principal): Promise<string> {
    return this.#begin({ ...request, kind: 'upgrade', id }, by);
  }

  rollback(id: ExtensionId, request: RollbackRequest, by: Principal): Promise<string> {
    return this.#begin({ ...request, kind: 'rollback', id }, by);
  }

  operation(id: string, waitMs?: number): Promise<Operation> {
    return this.#operations.get(id, waitMs);
  }

  cancel(id: string, by: Principal): Promise<Operation> {
    return this.#audit.record('operation.cancel', id, by, async () => {
      const result = await this.#operations.cancel(id);
      return { result, detail: { extension: result.extension, kind: result.kind } };
    });
  }

  retry(id: string, by: Principal): Promise<string> {
    return this.#audit.record('operation.retry', id, by, async () => {
      const result = await this.#lifecycle.retry(id, by);
      return { result, detail: { operation: result } };
    });
  }

  onStep(...args: Parameters<Operator['onStep']>): () => void {
    return this.#operations.onStep(...args);
  }

  grant(id: ExtensionId, capability: string, scope: Scope | null, by: Principal): Promise<void> {
    return this.#audit.record('grant.add', `${id} ${capability}`, by, async () => {
      await this.#grants.add(id, capability, scope, by);
      return { result: undefined, detail: { scope: scope as Json } };
    });
  }

  revoke(id: ExtensionId, capability: string, by: Principal): Promise<void> {
    return this.#audit.record('grant.revoke', `${id} ${capability}`, by, async () => {
      const late = await this.#grants.remove(id, capability);
      return { result: undefined, ...(late === undefined ? {} : { detail: { late } }) };
    });
  }

  configure(id: ExtensionId, config: JsonObject, by: Principal): Promise<void> {
    return this.#audit.record('extension.configure', id, by, async () => {
      const { registry, stores } = this.#parts;
      const record = await registry.record(id);
      if (record.state === 'staged')
        throw new MagError('E_STATE', `${id} is not installed yet; hand the configuration to install`);
      completeConfig(await registry.manifest(record.digest), config);
      await stores.extensions.put({ ...record, config });
      return { result: undefined, detail: { keys: Object.keys(config) } };
    });
  }

  publish(
    event: { type: string; data: Json; eventId?: string },
    by: Principal,
    request: RequestContext | null = null,
  ): Promise<{ eventId: string; sequence: number }> {
    return this.#audit.record('event.publish', event.type, by, async () => {
      const asked = request === null ? {} : eventContextOf(request);
      const context = { ...asked, tenant_id: by.tenant, user_id: by.id };
      const result = await this.#parts.bus.publishAs({ ...event, context });
      return { result, detail: { event_id: result.eventId } };
    });
  }

  subscriptions(): Promise<SubscriptionStatus[]> {
    return this.#parts.bus.subscriptions();
  }

  replay(subscription: string, from: ReplayFrom, by: Principal): Promise<Replay> {
    return this.#audit.record('event.replay', subscription, by, async () => {
      const result = await this.#parts.bus.replay(subscription, from);
      return { result, detail: { replay: result.id, after: result.sequence, until: result.until } };
    });
  }

  deadLetters(filter: DeadLetterFilter): Promise<DeadLetter[]> {
    return this.#parts.stores.events.deadLetters(filter);
  }

  redrive(id: string, by: Principal): Promise<void> {
    return this.#audit.record('event.redrive', id, by, async () => {
      const { subscription, event } = await this.#parts.bus.redrive(id);
      return { result: undefined, detail: { ...subscription, event: event.event_id } };
    });
  }

  purgeDeadLetter(id: string, by: Principal): Promise<void> {
    return this.#audit.record('event.purge', id, by, async () => {
      const removed = await this.#parts.stores.events.removeDeadLetter(id);
      if (!removed) throw new MagError('E_NOT_FOUND', 'there is no such dead letter');
      return { result: undefined };
    });
  }

  startup(): readonly StartupEntry[] {
    return this.#reconciler.entries();
  }

  /** What becomes of the move is put on record where it ends. */
  #begin(request: MoveRequest, by: Principal): Promise<string> {
    const begin = () => this.#lifecycle.begin(request, by);
    return this.#audit.recordRefusal(`extension.${request.kind}`, request.id, by, begin);
  }
}

function nameOf({ manifest: { id, version } }: { readonly manifest: AnyManifest }): string {
  return `${id}@${version}`;
}
