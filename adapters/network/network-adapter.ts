import type { ComponentAdapter, ComponentEvent, HookContext, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW, type Decision, type Demand } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { type Connections, createConnections } from './connections.ts';
import { EgressMeter } from './egress-meter.ts';
import type { Answer } from './exchange.ts';
import { type FetchRequest, readFetchRequest } from './fetch-request.ts';
import { demandFor, type FollowOptions, follow, type Outcome } from './follow.ts';
import { withTrace } from './request-headers.ts';
import { createDnsResolve, type Resolve } from './vetted-lookup.ts';

/** Requests of one extension that may be under way at once; each may hold a whole response in memory. */
const MAX_AT_ONCE = 16;

export interface NetworkOptions {
  /** Where names are looked up; the name servers of the machine when absent. Its answers are vetted. */
  readonly resolve?: Resolve;
}

/** The adapter of the mediated fetch: the only way of an extension to the network. */
export interface NetworkAdapter extends ComponentAdapter, AsyncDisposable {
  readonly component: 'network';
  /**
   * A request that the host sends in the name of an extension, on the same guarded way and the same account. No
   * redirect is followed. `admit` puts what it demands to the gate.
   * @throws what `exchange` throws, and what `admit` does
   */
  fetchFor(extension: ExtensionId, params: Json, options: HostFetchOptions): Promise<Answer>;
}

export interface HostFetchOptions {
  readonly signal: AbortSignal;
  /** KiB that fit into the minute of the extension. */
  readonly limitKb: number;
  readonly admit: (demands: readonly Demand[]) => void;
}

export function createNetworkAdapter(options: NetworkOptions = {}): NetworkAdapter {
  return new Network(createConnections(options.resolve ?? createDnsResolve()));
}

class Network implements NetworkAdapter {
  readonly component = 'network';
  readonly #connections: Connections;
  readonly #meter = new EgressMeter();
  readonly #underWay = new Map<ExtensionId, number>();
  readonly #stopping = new AbortController();
  #registrar: HookRegistrar | null = null;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /** The catalogue has no hook of this component. */
  registerHooks(kernel: HookRegistrar): void {
    this.#registrar = kernel;
  }

  demands(hook: string, params: Json): readonly Demand[] {
    requireFetch(hook);
    return [demandFor(readFetchRequest(params))];
  }

  async executeHook(hook: string, { caller, params }: HookContext): Promise<Json> {
    requireFetch(hook);
    const { extension, manifest, signal } = caller;
    const asked = readFetchRequest(params);
    const request = { ...asked, headers: withTrace(asked.headers, caller.request?.traceId) };
    const limitKb = manifest.limits.egressKbPerMinute;
    const admit = (demands: readonly Demand[]) => caller.admit(demands);
    return resultOf(await this.#send(extension, request, { signal, limitKb, admit }));
  }

  async fetchFor(extension: ExtensionId, params: Json, options: HostFetchOptions): Promise<Answer> {
    const request = { ...readFetchRequest(params), redirect: 'manual' as const };
    options.admit([demandFor(request)]);
    return this.#send(extension, request, { ...options, admit: async () => undefined });
  }

  /** Whatever the gate allows, this component can do. */
  validateCapability(): Decision {
    return ALLOW;
  }

  usage(extension: ExtensionId): Readonly<Record<string, number>> {
    const { sentBytes, receivedBytes } = this.#meter.total(extension);
    return { egressSentBytes: sentBytes, egressReceivedBytes: receivedBytes };
  }

  async emitEvent(event: ComponentEvent): Promise<void> {
    if (this.#registrar === null) throw new MagError('E_STATE', 'The adapter is not attached to a kernel.');
    await this.#registrar.publish('network', event);
  }

  /** Ends every request and connection. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new MagError('E_SHUTDOWN', 'The host is shutting down.'));
    await this.#connections[Symbol.asyncDispose]();
  }

  async #send(
    extension: ExtensionId,
    request: FetchRequest,
    { signal, limitKb, admit }: Omit<HostFetchOptions, 'admit'> & Pick<FollowOptions, 'admit'>,
  ): Promise<Outcome> {
    const stopped = this.#stopping.signal;
    if (stopped.aborted) throw stopped.reason;
    return this.#oneOfFew(extension, () =>
      follow(request, {
        dispatcher: this.#connections.of(extension),
        signal: AbortSignal.any([signal, stopped, AbortSignal.timeout(request.timeoutMs)]),
        spend: (bytes, direction) => this.#meter.spend(extension, bytes, limitKb, direction),
        admit,
      }),
    );
  }

  async #oneOfFew<Result>(extension: ExtensionId, work: () => Promise<Result>): Promise<Result> {
    const others = this.#underWay.get(extension) ?? 0;
    if (others >= MAX_AT_ONCE) {
      throw new MagError('E_LIMIT_RATE', `More than ${MAX_AT_ONCE} requests over the network at once.`);
    }
    this.#underWay.set(extension, others + 1);
    try {
      return await work();
    } finally {
      const left = (this.#underWay.get(extension) ?? 1) - 1;
      if (left > 0) this.#underWay.set(extension, left);
      else this.#underWay.delete(extension);
    }
  }
}

function resultOf({ status, statusText, url, redirected, headers, body }: Outcome): Json {
  return {
    status,
    statusText,
    url: url.href,
    redirected,
    headers: headers.map(([name, value]) => [name, value]),
    body: body.toString('base64'),
  };
}

function requireFetch(hook: string): void {
  if (hook !== 'fetch') throw new MagError('E_INTERNAL', 'The network component has no such call.');
}
