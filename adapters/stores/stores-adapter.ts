import type { ComponentAdapter, ComponentEvent, HookContext, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW, type Decision, type Demand } from '../../kernel/capability/gate.ts';
import { MagError, messageOf } from '../../kernel/errors.ts';
import type { Caller, StateSpace } from '../../kernel/ports.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { HostCalls } from '../../manifests/protocol/calls.ts';
import { MAX_PAYLOAD_BYTES } from '../../manifests/protocol/limits.ts';
import { OpenStores, type OpenStoresOptions } from './open-stores.ts';
import { checkedBound, checkedKey, checkedWrite, encodeState, MAX_STATE_PAGE } from './state-content.ts';
import type { StoreDriver, StoredText } from './store-driver.ts';

const CONTROL_PLANE = 't_system';
const DEFAULT_PAGE = 100;
/** Entries of a stream, at most. */
const MAX_KEEP = 10_000;
/** Room for the braces around the entries of an answer. */
const ENVELOPE_BYTES = 64 * 1_024;

type StoreCall = keyof { [C in keyof HostCalls as C extends `stores.${infer Name}` ? Name : never]: true };
type Params<Call extends StoreCall> = HostCalls[`stores.${Call}`]['params'];

/** A call on a driver: whose data, and until when. */
interface Use {
  readonly driver: StoreDriver;
  readonly space: StateSpace;
  readonly signal: AbortSignal;
}

type Handlers = { readonly [Call in StoreCall]: (use: Use, params: Params<Call>) => Promise<Json> };

/** The adapter of the stores that operators connect. */
export interface StoresAdapter extends ComponentAdapter, AsyncDisposable {
  readonly component: 'stores';
  /** @throws `E_STORE_UNKNOWN` */
  driver(name: string): Promise<StoreDriver>;
}

export function createStoresAdapter(options: OpenStoresOptions): StoresAdapter {
  return new Stores(options);
}

const HANDLERS: Handlers = {
  get: async ({ driver, space, signal }, { key }) => {
    const found = await driver.get(space, checkedKey(key), signal);
    return found === null ? null : { value: JSON.parse(found.text) as Json, version: found.version };
  },
  set: async ({ driver, space, signal }, { key, value, version = null }) => {
    const content = encodeState(checkedKey(key), value);
    const written = await driver.put(space, key, content, { expected: null, version }, signal);
    return { version: checkedWrite(written).current };
  },
  compareAndSet: async ({ driver, space, signal }, { key, value, version }) => {
    const content = encodeState(checkedKey(key), value);
    const when = { expected: version, version: null };
    const { outcome, current } = checkedWrite(await driver.put(space, key, content, when, signal));
    return { swapped: outcome === 'written', version: current };
  },
  delete: async ({ driver, space, signal }, { key }) => ({
    deleted: await driver.delete(space, checkedKey(key), signal),
  }),
  list: async ({ driver, space, signal }, params) => {
    const maxBytes = MAX_PAYLOAD_BYTES - ENVELOPE_BYTES;
    const found = await driver.list(space, { ...pageOf(params), maxBytes }, signal);
    if (found === null)
      throw new MagError('E_LIMIT_OUTPUT', 'The entries are larger than one answer may be: ask for fewer.');
    return { entries: found.map(entryOf) };
  },
  append: async ({ driver, space, signal }, { stream, value, id = null, keep = MAX_KEEP }) => {
    const content = encodeState(checkedKey(stream), value);
    const appended = await driver.append(space, stream, content, { id, keep }, signal);
    if (appended.outcome === 'behind')
      throw new MagError('E_EXISTS', `The stream is at ${appended.id} already.`);
    checkedWrite({ outcome: appended.outcome, current: appended.id });
    return { id: appended.id };
  },
  read: async ({ driver, space, signal }, { stream, after = 0, limit = DEFAULT_PAGE }) => {
    const page = {
      after,
      limit: Math.min(limit, MAX_STATE_PAGE),
      maxBytes: MAX_PAYLOAD_BYTES - ENVELOPE_BYTES,
    };
    const found = await driver.read(space, checkedKey(stream), page, signal);
    return { entries: found.map(({ id, text }) => ({ id, value: JSON.parse(text) as Json })) };
  },
  streams: async ({ driver, space, signal }, params) => ({
    streams: (await driver.streams(space, pageOf(params), signal)).map((view) => ({ ...view })),
  }),
  removeStream: async ({ driver, space, signal }, { stream }) => ({
    removed: await driver.removeStream(space, checkedKey(stream), signal),
  }),
};

class Stores implements StoresAdapter {
  readonly component = 'stores';
  readonly #options: OpenStoresOptions;
  readonly #stores: OpenStores;
  #registrar: HookRegistrar | null = null;

  constructor(options: OpenStoresOptions) {
    this.#options = options;
    this.#stores = new OpenStores(options);
  }

  /** The catalogue has no hook of this component. */
  registerHooks(kernel: HookRegistrar): void {
    this.#registrar = kernel;
  }

  demands(hook: string, params: Json): readonly Demand[] {
    callOf(hook);
    return [{ capability: 'system.stores', resource: { names: (params as Params<'get'>).store } }];
  }

  /** Whose data it is, the host knows from the channel and the request; the message names keys, never an owner. */
  async executeHook(hook: string, { caller, params }: HookContext): Promise<Json> {
    const handler = HANDLERS[callOf(hook)] as (use: Use, params: Json) => Promise<Json>;
    const driver = await this.#stores.driver((params as Params<'get'>).store);
    return handler({ driver, space: spaceOf(caller), signal: caller.signal }, params);
  }

  validateCapability(): Decision {
    return ALLOW;
  }

  async emitEvent(event: ComponentEvent): Promise<void> {
    if (this.#registrar === null) throw new MagError('E_STATE', 'The adapter is not attached to a kernel.');
    await this.#registrar.publish('stores', event);
  }

  /** A store that does not answer keeps what it has, and the operator is told: it may never come back. */
  async forget(extension: ExtensionId, { purge }: { readonly purge: boolean }): Promise<void> {
    if (!purge) return;
    await this.#options.builtIn.clear(extension);
    for (const { name } of await this.#options.directory.list()) {
      await this.#stores
        .driver(name)
        .then((driver) => driver.clear(extension))
        .catch((failure: unknown) => {
          const fields = { extension, store: name, reason: messageOf(failure) };
          this.#options.logger.error(fields, 'data of a purged extension could not be removed from a store');
        });
    }
  }

  driver(name: string): Promise<StoreDriver> {
    return this.#stores.driver(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stores.close();
  }
}

/** What runs without a request belongs to the control plane. */
function spaceOf({ extension, request }: Caller): StateSpace {
  return { extension, tenantId: request?.tenantId ?? CONTROL_PLANE };
}

function pageOf({ prefix = '', after = '', limit = DEFAULT_PAGE }: Omit<Params<'list'>, 'store'>) {
  return { prefix: checkedBound(prefix), after: checkedBound(after), limit: Math.min(limit, MAX_STATE_PAGE) };
}

function entryOf({ key, text, version }: StoredText) {
  return { key, value: JSON.parse(text) as Json, version };
}

function callOf(hook: string): StoreCall {
  if (Object.hasOwn(HANDLERS, hook)) return hook as StoreCall;
  throw new MagError('E_INTERNAL', 'The stores component has no such call.');
}
