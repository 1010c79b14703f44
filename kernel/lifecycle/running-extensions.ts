import { type HookName, hookRow, isTapped } from '../../manifests/catalog/index.ts';
import type { Json, JsonObject } from '../../manifests/json.ts';
import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import type { Demand } from '../capability/gate.ts';
import { MagError } from '../errors.ts';
import type { Tap } from '../hooks/tapped-point.ts';
import type { StoredEvent } from '../ports.ts';
import type { CellStats, ExtensionProcess } from '../sandbox/cell.ts';
import type { Package, Verified } from '../trust/verify.ts';
import { announce } from './announce.ts';
import { demandsOf, eventDemands } from './demands.ts';
import { budget, runPhase } from './guest.ts';
import type { Parts } from './parts.ts';

/** How long running calls may take to end when an extension is stopped. */
const DRAIN_MS = 5_000;

export interface Running {
  readonly manifest: Manifest;
  /** Of the package its code is from. */
  readonly digest: string;
  readonly process: ExtensionProcess;
  /** What calling each of its handlers demands: `endpoint GET /greet`, `job digest`. */
  readonly demands: ReadonlyMap<string, readonly Demand[]>;
}

/** The extensions whose code runs on this host now: their processes and what is registered for them. */
export class RunningExtensions {
  readonly #parts: Omit<Parts, 'running'>;
  readonly #running = new Map<ExtensionId, Running>();
  /** The newest process of each extension, also while it is not admitted yet: `init()` may be hostile too. */
  readonly #processes = new Map<ExtensionId, ExtensionProcess>();
  readonly #digests = new WeakMap<ExtensionProcess, string>();

  constructor(parts: Omit<Parts, 'running'>) {
    this.#parts = parts;
  }

  get(id: ExtensionId): Running | undefined {
    return this.#running.get(id);
  }

  stats(): { extension: ExtensionId; stats: CellStats }[] {
    return [...this.#running].map(([extension, { process }]) => ({ extension, stats: process.stats }));
  }

  ids(): ExtensionId[] {
    return [...this.#running.keys()];
  }

  /** A process for the code of a package; it is not started yet and nothing is registered for it. */
  create(
    verified: Verified<Package>,
    config: JsonObject,
    phases: readonly ('init' | 'start')[],
  ): ExtensionProcess {
    const { manifest } = verified;
    const { sandbox, ownerFor } = this.#parts;
    const process: ExtensionProcess = sandbox.create({
      load: {
        extension: { id: manifest.id, version: manifest.version },
        code: verified.code,
        config,
        cpuMs: manifest.limits.cpuMs,
      },
      memoryMb: manifest.limits.memoryMb,
      hostCallsPerSecond: manifest.limits.hostCallsPerSecond,
      jit: manifest.isolation.jit && verified.tier !== 'community',
      owner: ownerFor(verified),
      onReady: async (invoke) => {
        for (const phase of phases) await runPhase({ invoke }, manifest, phase);
      },
      onRetire: async (invoke) => {
        if (phases.includes('start')) await runPhase({ invoke }, manifest, 'stop');
      },
      // Each end of a call or a cell counts once: the fifth death gives up, and is no broken budget beside it.
      onDeath: (error) => {
        void this.#report(manifest, error);
        this.#overBudget(manifest.id, process, error);
      },
      onOverBudget: (error) => this.#overBudget(manifest.id, process, error),
      onGiveUp: (error) => void this.#parts.givenUp(manifest.id, error, process),
    });
    this.#processes.set(manifest.id, process);
    this.#digests.set(process, verified.digest);
    return process;
  }

  /** Lets requests, hooks and events in. */
  async admit(manifest: Manifest, process: ExtensionProcess): Promise<void> {
    this.#enter(manifest, process);
    await this.subscribe(manifest.id);
  }

  #enter(manifest: Manifest, process: ExtensionProcess): void {
    const { hooks } = this.#parts;
    const digest = this.#digests.get(process) ?? '';
    this.#running.set(manifest.id, { manifest, digest, process, demands: demandsOf(manifest) });
    hooks.tap(manifest.id, this.#taps(manifest));
    hooks.declare(manifest);
  }

  /**
   * Begins the subscriptions that the extension may hold by what it is granted now (spec 05: checked at subscribe
   * time, and again at each delivery). Called again after its grants changed.
   */
  async subscribe(id: ExtensionId): Promise<void> {
    const { bus, types, gate, logger } = this.#parts;
    const wanted = this.#running.get(id)?.manifest.contributes.events.subscribes ?? [];
    const may = (type: string) =>
      eventDemands(type, types.requirements(type)).every((demand) => gate.covers(id, demand));
    for (const type of wanted.filter((type) => !may(type))) {
      logger.warn({ extension: id, type }, 'it is not subscribed: it may not see events of this type');
    }
    await bus.resume(id, wanted.filter(may));
  }

  /**
   * Sends all requests, hooks and events to another process of the extension, in one step: what is under way
   * ends where it began, and nothing is refused in between.
   * @returns the one that served before
   */
  async replace(manifest: Manifest, process: ExtensionProcess): Promise<Running> {
    const before = this.#running.get(manifest.id);
    if (before === undefined) throw new MagError('E_NOT_ENABLED', `${manifest.id} does not run`);
    this.#enter(manifest, process);
    try {
      await this.subscribe(manifest.id);
    } catch (failure) {
      await this.putBack(before).catch(() => undefined); // why it is put back is what is told
      throw failure;
    }
    await this.#endSubscriptions(before.manifest, manifest);
    return before;
  }

  /**
   * Takes a `replace` back: what served before serves, also while its subscriptions cannot be looked up. Those go on
   * when they can.
   */
  async putBack(before: Running): Promise<void> {
    await this.#leaveTo(before);
    await this.subscribe(before.manifest.id);
  }

  async #leaveTo(before: Running): Promise<void> {
    const replaced = this.#running.get(before.manifest.id);
    this.#enter(before.manifest, before.process);
    if (replaced !== undefined) await this.#endSubscriptions(replaced.manifest, before.manifest);
  }

  /** Those that one version has and the other does not. */
  async #endSubscriptions({ id, contributes }: Manifest, other: Manifest): Promise<void> {
    const kept = other.contributes.events.subscribes;
    const gone = contributes.events.subscribes.filter((type) => !kept.includes(type));
    await this.#parts.bus.unsubscribe(id, gone);
  }

  /** Runs `stop()` of a process that serves nothing any more, and ends it. */
  async retire({ manifest, process }: Running, drainMs: number): Promise<string | undefined> {
    const failure = await runPhase(process, manifest, 'stop').then(
      () => undefined,
      (thrown: unknown) => (thrown instanceof MagError ? `stop(): ${thrown.code}` : 'stop() failed'),
    );
    await process.stop(drainMs);
    return failure;
  }

  /**
   * Lets nothing in any more, and ends what streams. The process goes on until it is stopped or killed. What fails
   * closed does so until it is settled why the extension does not run.
   */
  async dismiss(id: ExtensionId): Promise<Running | undefined> {
    const { hooks, bus, streams } = this.#parts;
    const running = this.#running.get(id);
    this.#running.delete(id);
    streams.cut(id);
    if (running !== undefined) hooks.close(running.manifest);
    hooks.withdraw(id);
    await bus.park(id);
    return running;
  }

  /** Dismisses an extension, runs its `stop()` and ends its process. Its own failing does not keep it running. */
  async stop(id: ExtensionId): Promise<string | undefined> {
    const running = await this.dismiss(id);
    if (running === undefined) return 'it was not running';
    return this.retire(running, DRAIN_MS);
  }

  /** Kills an extension now: calls in flight fail with the error. */
  async kill(id: ExtensionId, error: MagError): Promise<void> {
    this.#running.get(id)?.process.kill(error); // during an upgrade there are two
    this.#processes.get(id)?.kill(error);
    this.#processes.delete(id);
    await this.dismiss(id);
  }

  /** Whether the grants of an extension cover an event now. */
  maySee(id: ExtensionId, event: StoredEvent): boolean {
    const demands = eventDemands(event.event_type, event.capabilities_required);
    return demands.every((demand) => this.#parts.gate.covers(id, demand));
  }

  #taps(manifest: Manifest): Map<string, Tap> {
    const taps = new Map<string, Tap>();
    for (const { hook, order } of manifest.contributes.hooks) {
      const { capability } = hookRow(hook as HookName); // checked against the catalogue at staging
      taps.set(hook, {
        extension: manifest.id,
        version: manifest.version,
        order,
        covers: (resource) =>
          this.#parts.gate.covers(
            manifest.id,
            resource === undefined ? { capability } : { capability, resource },
          ),
        call: (value, request, deadlineMs) => this.#callHook(manifest, hook, value, request, deadlineMs),
      });
    }
    return taps;
  }

  #callHook(
    manifest: Manifest,
    hook: string,
    value: Json,
    request: Parameters<Tap['call']>[1],
    deadlineMs: number,
  ): Promise<Json> {
    const running = this.#running.get(manifest.id);
    if (running === undefined) throw new MagError('E_NOT_ENABLED', `${manifest.id} does not run`);
    const limits = budget(manifest);
    const row = hookRow(hook as HookName);
    const isCutShort = isTapped(row) && deadlineMs < row.budgetMs / 2; // by the taps before it
    return running.process.invoke({ kind: 'hook', name: hook }, value, {
      request,
      cpuMs: limits.cpuMs,
      deadlineMs: Math.min(deadlineMs, limits.deadlineMs),
      isCutShort,
    });
  }

  /** What a version that is being tried, or drained, does is not what serves. */
  #overBudget(id: ExtensionId, process: ExtensionProcess, error: MagError): void {
    if (this.#running.get(id)?.process === process) this.#parts.overBudget(id, error);
  }

  async #report(manifest: Manifest, error: MagError): Promise<void> {
    const data = {
      extension: manifest.id,
      version: manifest.version,
      code: error.code,
      detail: error.message,
    };
    this.#parts.logger.warn(data, 'a cell died');
    await announce(this.#parts, 'extension.error', data);
  }
}
