import type { HookName } from '../../manifests/catalog/index.ts';
import { hookRow } from '../../manifests/catalog/index.ts';
import type { Json, JsonObject } from '../../manifests/json.ts';
import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import type { Demand } from '../capability/gate.ts';
import { MagError } from '../errors.ts';
import type { Tap } from '../hooks/hook-points.ts';
import type { StoredEvent } from '../ports.ts';
import type { CellStats, ExtensionProcess } from '../sandbox/cell.ts';
import type { Package, Verified } from '../trust/verify.ts';
import { announce } from './announce.ts';
import { budget, endpointKey, runPhase } from './guest.ts';
import { mappedOwner } from './mapped-owner.ts';
import type { Parts } from './parts.ts';

/** How long running calls may take to end when an extension is stopped. */
const DRAIN_MS = 5_000;

export interface Running {
  readonly manifest: Manifest;
  readonly process: ExtensionProcess;
  /** What serving each endpoint demands, by its key. */
  readonly endpointDemands: ReadonlyMap<string, readonly Demand[]>;
}

/** The extensions whose code runs on this host now: their processes and what is registered for them. */
export class RunningExtensions {
  readonly #parts: Parts;
  readonly #running = new Map<ExtensionId, Running>();
  /** The newest process of each extension, also while it is not admitted yet: `init()` may be hostile too. */
  readonly #processes = new Map<ExtensionId, ExtensionProcess>();

  constructor(parts: Parts) {
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
    const process = sandbox.create({
      load: {
        extension: { id: manifest.id, version: manifest.version },
        code: verified.code,
        config,
        memoryMb: manifest.limits.memoryMb,
        cpuMs: manifest.limits.cpuMs,
      },
      hostCallsPerSecond: manifest.limits.hostCallsPerSecond,
      jit: manifest.isolation.jit && verified.tier !== 'community',
      owner: mappedOwner(ownerFor(manifest), verified),
      onReady: async (invoke) => {
        for (const phase of phases) await runPhase(invoke, manifest, phase);
      },
      onRetire: async (invoke) => {
        if (phases.includes('start')) await runPhase(invoke, manifest, 'stop');
      },
      onDeath: (error) => void this.#report(manifest, error),
      onGiveUp: (error) => void this.#parts.quarantine(manifest.id, error),
    });
    this.#processes.set(manifest.id, process);
    return process;
  }

  /** Lets requests, hooks and events in. */
  async admit(manifest: Manifest, process: ExtensionProcess): Promise<void> {
    const { hooks, endpoints, bus } = this.#parts;
    this.#running.set(manifest.id, { manifest, process, endpointDemands: endpointDemands(manifest) });
    hooks.tap(manifest.id, this.#taps(manifest));
    endpoints.serve(manifest);
    await bus.resume(manifest.id, manifest.contributes.events.subscribes);
  }

  /**
   * Sends all requests, hooks and events to another process of the extension, in one step: what is under way
   * ends where it began, and nothing is refused in between.
   * @returns the one that served before
   */
  async replace(manifest: Manifest, process: ExtensionProcess): Promise<Running> {
    const before = this.#running.get(manifest.id);
    if (before === undefined) throw new MagError('E_NOT_ENABLED', `${manifest.id} does not run`);
    await this.admit(manifest, process);
    const gone = before.manifest.contributes.events.subscribes.filter(
      (type) => !manifest.contributes.events.subscribes.includes(type),
    );
    await this.#parts.bus.unsubscribe(manifest.id, gone);
    return before;
  }

  /** Runs `stop()` of a process that serves nothing any more, and ends it. */
  async retire({ manifest, process }: Running, drainMs: number): Promise<string | undefined> {
    const failure = await runPhase(process.invoke.bind(process), manifest, 'stop').then(
      () => undefined,
      (thrown: unknown) => (thrown instanceof MagError ? `stop(): ${thrown.code}` : 'stop() failed'),
    );
    await process.stop(drainMs);
    return failure;
  }

  /** Lets nothing in any more. The process goes on until it is stopped or killed. */
  async dismiss(id: ExtensionId): Promise<Running | undefined> {
    const { hooks, endpoints, bus } = this.#parts;
    const running = this.#running.get(id);
    this.#running.delete(id);
    hooks.tap(id, new Map());
    endpoints.withdraw(id);
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

  /** Hands an event to its subscriber, if it may see it. */
  async deliver(id: ExtensionId, event: StoredEvent): Promise<'handled' | 'parked'> {
    const running = this.#running.get(id);
    if (running === undefined) return 'parked';
    if (!this.#maySee(id, event)) return 'handled';
    const target = { kind: 'event', name: event.event_type } as const;
    await running.process.invoke(target, event as unknown as Json, {
      request: null,
      ...budget(running.manifest),
    });
    return 'handled';
  }

  #maySee(id: ExtensionId, event: StoredEvent): boolean {
    const demands: Demand[] = [
      { capability: 'realtime.subscribe_events', resource: { types: event.event_type } },
      ...event.capabilities_required.map((capability) => ({ capability }) as Demand),
    ];
    return demands.every((demand) => this.#parts.gate.covers(id, demand));
  }

  #taps(manifest: Manifest): Map<string, Tap> {
    const taps = new Map<string, Tap>();
    for (const { hook, order } of manifest.contributes.hooks) {
      const { capability } = hookRow(hook as HookName); // checked against the catalogue at staging
      taps.set(hook, {
        extension: manifest.id,
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
    return running.process.invoke({ kind: 'hook', name: hook }, value, {
      request,
      cpuMs: limits.cpuMs,
      deadlineMs: Math.min(deadlineMs, limits.deadlineMs),
    });
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

/** Without authentication an endpoint is an inbound webhook, which is a right of its own (spec 03). */
function endpointDemands(manifest: Manifest): Map<string, readonly Demand[]> {
  const serve: Demand = { capability: 'api.register_endpoint' };
  const inbound: Demand = { capability: 'network.inbound' };
  return new Map(
    manifest.contributes.endpoints.map((endpoint) => [
      endpointKey(endpoint),
      endpoint.auth === 'none' ? [serve, inbound] : [serve],
    ]),
  );
}
