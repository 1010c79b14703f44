import type { ExtensionId } from '../manifests/manifest/manifest.ts';
import type { ComponentAdapter, HookRegistrar } from './adapter.ts';
import { AuditLog } from './audit/audit-log.ts';
import { Repeats } from './audit/repeats.ts';
import { Denials, type Denied } from './capability/denials.ts';
import { recordFirstUses } from './capability/first-uses.ts';
import { Gate } from './capability/gate.ts';
import { type MagError, messageOf } from './errors.ts';
import { EventBus } from './events/bus.ts';
import { EventTypes } from './events/event-types.ts';
import { OutboxRelay } from './events/outbox-relay.ts';
import { HookPoints } from './hooks/hook-points.ts';
import { HostCalls } from './host-calls.ts';
import { kernelCalls } from './kernel-calls.ts';
import { Alerts } from './lifecycle/alerts.ts';
import { cellOwner } from './lifecycle/cell-owner.ts';
import { EventDelivery } from './lifecycle/event-delivery.ts';
import { ExtensionCalls } from './lifecycle/extension-calls.ts';
import { GuestCalls } from './lifecycle/guest-calls.ts';
import { Lifecycle } from './lifecycle/lifecycle.ts';
import { Monitor, type Totals } from './lifecycle/monitor.ts';
import { Operations } from './lifecycle/operations.ts';
import type { Parts } from './lifecycle/parts.ts';
import { Peers } from './lifecycle/peers.ts';
import { Quarantine } from './lifecycle/quarantine.ts';
import { Reconciler } from './lifecycle/reconciler.ts';
import { Recovery } from './lifecycle/recovery.ts';
import { Remediation } from './lifecycle/remediation.ts';
import { RevocationWatch, type Trouble } from './lifecycle/revocation-watch.ts';
import { RunningExtensions } from './lifecycle/running-extensions.ts';
import { Turns } from './lifecycle/turns.ts';
import { OperatorDesk } from './operator/operator-desk.ts';
import type { EndpointHost, GuestHost, Operator } from './operator.ts';
import type { Alert, Clock, ExtensionData, ExtensionFiles, Logger, Stores, Transactions } from './ports.ts';
import { Registry } from './registry/registry.ts';
import type { CellStats, Sandbox } from './sandbox/cell.ts';
import { OpenStreams } from './streams.ts';
import { CallTransactions } from './transactions.ts';
import type { TrustPolicy } from './trust/policy.ts';

/** How often counted uses and aggregated denials are written. */
const FLUSH_MS = 10_000;

export interface KernelOptions {
  readonly stores: Stores;
  readonly data: ExtensionData;
  readonly transactions: Transactions;
  readonly files: ExtensionFiles;
  readonly sandbox: Sandbox;
  /** As it is now, with the revocation lists that count. */
  readonly policy: () => Promise<TrustPolicy>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Where alerts go besides the log and the event bus. */
  readonly alert: (alert: Alert) => void;
  /** How often every extension is checked, in milliseconds. `null`: as often as its manifest says. */
  readonly healthIntervalMs: number | null;
  /** Takes out of what an extension says what it must not say, such as a secret; `null`: there is nothing. */
  readonly cleanerFor: (id: ExtensionId) => ((text: string) => string) | null;
  /** Another host took over from this one, which may write nothing any more: it is to end. */
  readonly onFenced: (error: MagError) => void;
}

/** Composes the parts of the extension kernel. It knows no component, no SQL and no HTTP. */
export class Kernel {
  readonly audit: AuditLog;
  readonly operator: Operator;
  /** How components call extensions. */
  readonly guests: EndpointHost & GuestHost;
  /** What the adapters register with. */
  readonly registrar: HookRegistrar;
  readonly #options: KernelOptions;
  readonly #parts: Parts;
  readonly #denials: Denials;
  /** Calls of extensions to each other, for the audit. */
  readonly #called: Repeats;
  readonly #quarantine: Quarantine;
  readonly #delivery: EventDelivery;
  readonly #alerts: Alerts;
  readonly #operations: Operations;
  readonly #reconciler: Reconciler;
  readonly #peers: Peers;
  readonly #recovery: Recovery;
  readonly #revocations: RevocationWatch;
  #started = false;
  readonly #monitor: Monitor;
  readonly #remediation: Remediation;
  readonly #adapters = new Map<string, ComponentAdapter>();
  readonly #calls: HostCalls;
  #flushing: NodeJS.Timeout | undefined;
  #stopListening: () => void = () => undefined;

  constructor(options: KernelOptions) {
    const { stores, clock, logger } = options;
    this.#options = options;
    this.audit = new AuditLog(stores.audit, clock);
    this.#denials = new Denials(this.audit, clock);
    this.#called = new Repeats(this.audit, clock);
    this.#alerts = new Alerts({ health: stores.health, clock, logger, send: options.alert });
    const parts = this.#compose();
    const operations = new Operations(stores.operations, parts.turns, logger);
    const lifecycle = new Lifecycle(parts, operations);
    this.#parts = parts;
    this.#operations = operations;
    this.#quarantine = new Quarantine(parts);
    this.#delivery = new EventDelivery(parts);
    this.guests = new GuestCalls(parts);
    this.#calls = this.#answerCalls();
    this.#reconciler = new Reconciler(parts);
    this.#recovery = new Recovery(parts, operations);
    this.#revocations = new RevocationWatch(parts);
    this.#peers = this.#watchPeers();
    this.#remediation = new Remediation({ parts, operations, lifecycle });
    this.#monitor = new Monitor({
      parts,
      intervalMs: options.healthIntervalMs,
      used: (id) => this.#used(id),
      unwell: (id, error) => this.#remediation.handleUnwell(id, error),
    });
    this.operator = new OperatorDesk({
      parts,
      lifecycle,
      operations,
      used: (id) => ({ total: this.#used(id), sinceCheck: this.#monitor.sinceCheck(id) }),
      isUnhealthy: (id) => this.#monitor.isUnhealthy(id),
      reconciler: this.#reconciler,
      policy: options.policy,
    });
    this.registrar = {
      register: (component, hook) => parts.hooks.register(component, hook),
      publish: async (component, event) => void (await parts.bus.publish(component, event)),
      isHeard: (type) => parts.bus.isHeard(type),
    };
  }

  /** Connects a component. All components are there before `start`. */
  attach(adapter: ComponentAdapter): void {
    this.#adapters.set(adapter.component, adapter);
    adapter.registerHooks(this.registrar);
  }

  /** Settles what hosts that are gone left behind, and starts what is enabled. */
  async start(): Promise<void> {
    await this.#peers.start();
    await this.#recovery.run();
    await this.#revocations.start();
    await this.#reconciler.reconcile();
    this.#parts.relay.start();
    this.#started = true;
    await this.#peers.announce();
    this.#stopListening = this.#options.stores.hosts.onRevision(() => void this.#catchUp());
    this.#monitor.start();
    this.#flushing = setInterval(() => void this.#flush({ all: false }), FLUSH_MS).unref();
  }

  /** Lets running operations end, stops every extension and writes what is counted. Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.#flushing);
    this.#stopListening();
    await this.#monitor.stop();
    await this.#revocations.stop();
    await this.#operations.settle();
    await this.#recovery.stop();
    await this.#reconciler.stopAll();
    await this.#peers.stop();
    await this.#parts.bus.stop();
    await this.#parts.relay.stop();
    await this.#parts.sandbox[Symbol.asyncDispose]();
    await this.#flush({ all: true });
    await this.#alerts.settle();
  }

  /** Ends every cell now, without another word to the storage: another host does its work already. */
  async abandon(): Promise<void> {
    clearInterval(this.#flushing);
    this.#stopListening();
    void this.#parts.relay.stop();
    await this.#parts.sandbox[Symbol.asyncDispose]();
  }

  /** The processes of the extensions that run on this host now. */
  cells(): { extension: ExtensionId; stats: CellStats; used: Totals }[] {
    return this.#parts.running.stats().map((cell) => ({ ...cell, used: this.#used(cell.extension) }));
  }

  /** Stops what a revocation list takes back, here and on the other hosts. @returns what was stopped */
  stopRevoked(): Promise<ExtensionId[]> {
    return this.#revocations.sweep();
  }

  /** What is wrong with the revocation lists, as the last sweep found it. */
  revocationTroubles(): readonly Trouble[] {
    return this.#revocations.troubles;
  }

  /** How often the gate has refused each extension something since this host started. */
  denied(): readonly Denied[] {
    return this.#denials.counts();
  }

  /** Calls back when an extension published something on this host, or committed what it may have published with. */
  onPublished(listener: (id: ExtensionId) => void): void {
    this.#parts.bus.onPublished(listener);
  }

  /** What answers the calls of extensions: the kernel itself, or the adapter of a component. */
  #answerCalls(): HostCalls {
    const { stores, bus, transactions, gate, relay, running, quarantine, quarantined } = this.#parts;
    const whyNot = (id: ExtensionId) => this.guests.whyNot(id);
    const extensions = new ExtensionCalls({
      running,
      audit: this.#called,
      whyNot,
      quarantined,
    });
    const open = new CallTransactions(transactions, gate, (extension) => {
      bus.committed(extension);
      relay.wake();
    });
    return new HostCalls({
      gate,
      adapters: this.#adapters,
      handlers: kernelCalls({ bus, transactions, open, state: stores.state, extensions }),
      transactions: open,
      deny: (caller, denial, call) => this.#denials.refuse(caller, denial, call, quarantine),
    });
  }

  #watchPeers(): Peers {
    const { stores, logger, onFenced } = this.#options;
    return new Peers({
      hosts: stores.hosts,
      logger,
      report: () => ({ revision: this.#reconciler.revision, runs: this.#reconciler.runs() }),
      onFenced,
      onBeat: async () => {
        if (!this.#started) return;
        this.#recovery.wake();
        await this.#catchUp();
        await this.#parts.bus.takeOver();
      },
    });
  }

  /** Follows what other hosts changed, and says so to who waits for it. Never throws. */
  async #catchUp(): Promise<void> {
    const before = this.#reconciler.revision;
    await this.#reconciler.wake();
    if (this.#reconciler.revision === before) return;
    await this.#peers.announce().catch(() => {}); // the next beat says it again
  }

  #compose(): Parts {
    const { stores, data, transactions, files, sandbox, policy, logger, clock, cleanerFor } = this.#options;
    const types = new EventTypes();
    const gate = new Gate();
    recordFirstUses(gate, this.audit, logger);
    const parts: Omit<Parts, 'running'> = {
      stores,
      data,
      transactions,
      relay: new OutboxRelay({ outbox: stores.outbox, log: stores.events, logger }),
      files,
      sandbox,
      logger,
      clock,
      alert: (alert) => this.#alerts.raise(alert),
      types,
      audit: this.audit,
      gate,
      streams: new OpenStreams(gate),
      turns: new Turns(),
      followed: (waitMs) => this.#peers.followed(waitMs),
      othersRun: (id) => this.#peers.othersRun(id),
      hooks: new HookPoints(logger),
      lacks: async (manifest) =>
        (await Promise.all(this.#components().map((adapter) => adapter.lacks?.(manifest) ?? []))).flat(),
      forget: async (id, options) => {
        this.#denials.forget(id);
        for (const adapter of this.#components()) await adapter.forget?.(id, options);
      },
      registry: new Registry({ stores, policy, now: () => clock.now() }),
      bus: new EventBus({
        log: stores.events,
        types,
        clock,
        logger,
        deliver: (id, events, again) => this.#delivery.deliver(id, events, again),
      }),
      ownerFor: (verified) =>
        cellOwner(verified, { calls: this.#calls, logs: stores.logs, clock, cleanerFor }),
      quarantine: (id, error) => this.#quarantine.impose(id, error),
      overBudget: (id, error) => this.#monitor.broke(id, error),
      givenUp: (id, error, process) => this.#remediation.handleGivenUp(id, error, process),
      quarantined: (id) => this.#quarantine.settled(id),
    };
    return { ...parts, running: new RunningExtensions(parts) };
  }

  #components(): readonly ComponentAdapter[] {
    return [...this.#adapters.values()];
  }

  /** What an extension has used of the components since this host started. */
  #used(id: ExtensionId): Totals {
    return Object.assign({}, ...this.#components().map((adapter) => adapter.usage?.(id)));
  }

  async #flush(options: { all: boolean }): Promise<void> {
    try {
      await this.#denials.flush(options);
      await this.#called.flush(options);
      await this.#options.stores.grants.addUses(this.#parts.gate.takeUses());
    } catch (failure) {
      this.#options.logger.error({ reason: messageOf(failure) }, 'counted uses and denials were not written');
    }
  }
}
