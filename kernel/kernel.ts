import type { Json, JsonObject } from '../manifests/json.ts';
import type { ExtensionId, Manifest } from '../manifests/manifest/manifest.ts';
import type { GuestTarget, RequestContext } from '../manifests/protocol/frames.ts';
import type { ComponentAdapter, HookRegistrar } from './adapter.ts';
import { AuditLog } from './audit/audit-log.ts';
import { Denials } from './capability/denials.ts';
import { type Denial, Gate } from './capability/gate.ts';
import { MagError, messageOf } from './errors.ts';
import { EventBus } from './events/bus.ts';
import { EventTypes } from './events/event-types.ts';
import type { RetryPolicy } from './events/subscriber.ts';
import { HookPoints } from './hooks/hook-points.ts';
import { HostCalls } from './host-calls.ts';
import { kernelCalls } from './kernel-calls.ts';
import { Boot } from './lifecycle/boot.ts';
import { EndpointTable } from './lifecycle/endpoint-table.ts';
import { budget } from './lifecycle/guest.ts';
import { Lifecycle } from './lifecycle/lifecycle.ts';
import { Monitor } from './lifecycle/monitor.ts';
import { Operations } from './lifecycle/operations.ts';
import type { Parts } from './lifecycle/parts.ts';
import { quarantine } from './lifecycle/quarantine.ts';
import { recover } from './lifecycle/recovery.ts';
import { RunningExtensions } from './lifecycle/running-extensions.ts';
import type { EndpointHost, Operator, ServedEndpoint } from './operator.ts';
import { OperatorDesk } from './operator-desk.ts';
import type { Alert, Caller, Clock, ExtensionData, ExtensionFiles, Logger, Stores } from './ports.ts';
import { Registry } from './registry/registry.ts';
import type { CellOwner, CellStats, Sandbox } from './sandbox/cell.ts';
import type { TrustPolicy } from './trust/policy.ts';

/** How often counted uses and aggregated denials are written. */
const FLUSH_MS = 10_000;

export interface KernelOptions {
  readonly stores: Stores;
  readonly data: ExtensionData;
  readonly files: ExtensionFiles;
  readonly sandbox: Sandbox;
  readonly policy: () => Promise<TrustPolicy>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Where alerts go besides the log and the event bus. */
  readonly alert?: (alert: Alert) => void;
  /** Overrides how often every extension is checked, in milliseconds. */
  readonly healthIntervalMs?: number;
  readonly retry?: RetryPolicy;
}

/** Composes the parts of the extension kernel. It knows no component, no SQL and no HTTP. */
export class Kernel implements EndpointHost {
  readonly audit: AuditLog;
  readonly operator: Operator;
  /** What the adapters register with. */
  readonly registrar: HookRegistrar;
  readonly #options: KernelOptions;
  readonly #parts: Parts;
  readonly #denials: Denials;
  readonly #running: RunningExtensions;
  readonly #operations: Operations;
  readonly #boot: Boot;
  readonly #monitor: Monitor;
  readonly #adapters = new Map<string, ComponentAdapter>();
  readonly #calls: HostCalls;
  readonly #quarantining = new Map<ExtensionId, Promise<void>>();
  #flushing: NodeJS.Timeout | undefined;

  constructor(options: KernelOptions) {
    const { stores, clock, logger } = options;
    this.#options = options;
    this.audit = new AuditLog(stores.audit, clock);
    this.#denials = new Denials(this.audit, clock);
    this.#parts = this.#compose();
    this.#running = new RunningExtensions(this.#parts);
    this.#operations = new Operations(stores.operations, logger);
    this.#boot = new Boot(this.#parts, this.#running);
    this.#calls = new HostCalls({
      gate: this.#parts.gate,
      adapters: this.#adapters,
      handlers: kernelCalls(this.#parts.bus, stores.state),
      deny: (caller, denial, call) => this.#deny(caller, denial, call),
    });
    const lifecycle = new Lifecycle(this.#parts, this.#running, this.#operations);
    this.#monitor = new Monitor({
      parts: this.#parts,
      running: this.#running,
      intervalMs: options.healthIntervalMs ?? null,
      unwell: (id, error) => lifecycle.handleUnwell(id, error),
    });
    this.operator = new OperatorDesk({
      parts: this.#parts,
      lifecycle,
      running: this.#running,
      operations: this.#operations,
      boot: this.#boot,
      policy: options.policy,
    });
    this.registrar = {
      register: (component, hook) => this.#parts.hooks.register(component, hook),
      publish: async (component, event) => void (await this.#parts.bus.publish(component, event)),
    };
  }

  /** Connects a component. All components are there before `start`. */
  attach(adapter: ComponentAdapter): void {
    this.#adapters.set(adapter.component, adapter);
    adapter.registerHooks(this.registrar);
  }

  /** Settles what a crash cut off and starts what is enabled. */
  async start(): Promise<void> {
    await recover(this.#parts, this.#running, this.#operations);
    await this.#boot.startAll();
    this.#monitor.start();
    this.#flushing = setInterval(() => void this.#flush({ all: false }), FLUSH_MS).unref();
  }

  /** Lets running operations end, stops every extension and writes what is counted. Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.#flushing);
    await this.#monitor.stop();
    await this.#operations.settle();
    await this.#boot.stopAll();
    await this.#parts.bus.stop();
    await this.#parts.sandbox[Symbol.asyncDispose]();
    await this.#flush({ all: true });
  }

  /** The processes of the extensions that run on this host now. */
  cells(): { extension: ExtensionId; stats: CellStats }[] {
    return this.#running.stats();
  }

  endpoints(): readonly ServedEndpoint[] {
    return this.#parts.endpoints.list();
  }

  onEndpointsChanged(listener: () => void): void {
    this.#parts.endpoints.onChange(listener);
  }

  async whyNot(id: ExtensionId): Promise<'E_NOT_FOUND' | 'E_NOT_ENABLED' | 'E_QUARANTINED'> {
    if (this.#running.get(id) !== undefined) return 'E_NOT_FOUND'; // it runs, and serves no such thing
    const record = await this.#parts.stores.extensions.get(id);
    if (record === null || record.state === 'uninstalled' || record.state === 'staged') return 'E_NOT_FOUND';
    return record.state === 'quarantined' ? 'E_QUARANTINED' : 'E_NOT_ENABLED';
  }

  async invoke(
    id: ExtensionId,
    target: GuestTarget,
    payload: Json,
    request: RequestContext | null,
  ): Promise<Json> {
    const running = this.#running.get(id);
    const demands = running?.endpointDemands.get(target.name);
    if (running === undefined) throw new MagError(await this.whyNot(id), `${id} does not run`);
    if (demands === undefined)
      throw new MagError('E_NOT_FOUND', `${id} has no ${target.kind} ${target.name}`);
    const decision = this.#parts.gate.decide(id, demands);
    if (!decision.allow) throw new MagError(decision.code, decision.detail, { blame: { extension: id } });
    try {
      return await running.process.invoke(target, payload, { request, ...budget(running.manifest) });
    } catch (failure) {
      await this.#quarantining.get(id); // whoever sees the refusal finds it on record
      throw failure;
    }
  }

  #compose(): Parts {
    const { stores, data, files, sandbox, policy, logger, clock, retry } = this.#options;
    const types = new EventTypes();
    return {
      stores,
      data,
      files,
      sandbox,
      logger,
      clock,
      alert: (alert) => {
        logger.error(alert, 'an extension needs an operator');
        this.#options.alert?.(alert);
      },
      types,
      audit: this.audit,
      gate: new Gate(),
      hooks: new HookPoints(logger),
      endpoints: new EndpointTable(),
      registry: new Registry({ stores, policy, now: () => clock.now() }),
      bus: new EventBus({
        log: stores.events,
        types,
        clock,
        logger,
        ...(retry === undefined ? {} : { retry }),
        deliver: (id, event) => this.#running.deliver(id, event),
      }),
      ownerFor: (manifest) => this.#ownerFor(manifest),
      quarantine: (id, error) => this.#quarantine(id, error),
      quarantined: async (id) => this.#quarantining.get(id),
    };
  }

  #ownerFor(manifest: Manifest): CellOwner {
    return {
      hostCall: (name, params, request, signal) =>
        this.#calls.dispatch(manifest, request, name, params, signal),
      log: (level, message, fields, request) =>
        this.#options.stores.logs.write({
          at: this.#options.clock.now(),
          extension: manifest.id,
          level,
          message,
          fields: parseFields(fields),
          traceId: request?.traceId ?? null,
        }),
    };
  }

  /** What a denial leads to (spec 03): undeclared ends the extension, five tries outside its scope do too. */
  async #deny(caller: Caller, denial: Denial, call: string): Promise<never> {
    const { extension } = caller;
    const error = new MagError(denial.code, denial.detail, { blame: { extension, call } });
    if (denial.code === 'E_CAP_UNDECLARED') {
      await this.#quarantine(extension, error);
      throw error;
    }
    const { quarantine } = await this.#denials.record(extension, denial, call);
    if (quarantine) await this.#quarantine(extension, error);
    throw error;
  }

  #quarantine(id: ExtensionId, error: MagError): Promise<void> {
    const underway = this.#quarantining.get(id);
    if (underway !== undefined) return underway;
    const done = quarantine(id, error, this.#parts, this.#running)
      .catch((failure: unknown) => {
        this.#options.logger.error(
          { extension: id, code: error.code, err: failure },
          'a quarantine was not recorded',
        );
      })
      .finally(() => this.#quarantining.delete(id));
    this.#quarantining.set(id, done);
    return done;
  }

  async #flush(options: { all: boolean }): Promise<void> {
    try {
      await this.#denials.flush(options);
      await this.#options.stores.grants.addUses(this.#parts.gate.takeUses());
    } catch (failure) {
      this.#options.logger.error({ reason: messageOf(failure) }, 'counted uses and denials were not written');
    }
  }
}

/** Fields come from the guest: anything that is not a JSON object is kept as text. */
function parseFields(text: string): JsonObject {
  try {
    const value = JSON.parse(text) as Json;
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value;
    return value === null ? {} : { value };
  } catch {
    return { value: text };
  }
}
