import type { ComponentAdapter, ComponentEvent, HookContext, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW, type Decision, type Demand } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/ports.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import type { HostCalls } from '../../manifests/protocol/calls.ts';
import type { PublicKey } from '../../manifests/sdk/host-api.ts';
import { compactJws, isSignatureOf, signData } from './key-material.ts';
import { KeyStore, type StoredKey } from './key-store.ts';

type KeyCall = 'sign' | 'verify' | 'publicKey' | 'jws';
type Params<Call extends KeyCall> = HostCalls[`keys.${Call}`]['params'];

const CAPABILITY = 'system.keys';
const CALLS: readonly string[] = ['sign', 'verify', 'publicKey', 'jws'] satisfies KeyCall[];
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

export interface KeysOptions {
  /** Absolute: `<data>/keys`. */
  readonly rootDir: string;
  readonly logger: Logger;
}

/** The adapter of the keys that extensions sign with: their private halves go nowhere. */
export interface KeysAdapter extends ComponentAdapter {
  readonly component: 'keys';
  /** As operators make and see them. */
  readonly store: Pick<KeyStore, 'list' | 'create' | 'rotate'>;
}

export function createKeysAdapter({ rootDir, logger }: KeysOptions): KeysAdapter {
  return new Keys(new KeyStore(rootDir, logger));
}

class Keys implements KeysAdapter {
  readonly component = 'keys';
  readonly store: KeyStore;
  #registrar: HookRegistrar | null = null;

  constructor(store: KeyStore) {
    this.store = store;
  }

  /** The catalogue has no hook of this component. */
  registerHooks(kernel: HookRegistrar): void {
    this.#registrar = kernel;
  }

  demands(hook: string, params: Json): readonly Demand[] {
    callOf(hook);
    return [{ capability: CAPABILITY, resource: { keys: (params as Params<KeyCall>).key } }];
  }

  /** A key is looked for among those of the caller only. */
  async executeHook(hook: string, { caller, params }: HookContext): Promise<Json> {
    const call = callOf(hook);
    const key = await this.store.open(caller.extension, (params as Params<KeyCall>).key);
    // The call table's schema was applied to the parameters of each call.
    if (call === 'sign') return signWith(key, params as Params<'sign'>);
    if (call === 'verify') return verifyWith(key, params as Params<'verify'>);
    if (call === 'jws') return jwsWith(key, params as Params<'jws'>);
    return publicOf(key);
  }

  /** Whatever the gate allows, this component can do. */
  validateCapability(): Decision {
    return ALLOW;
  }

  /** Of the keys that a manifest names in its scope. */
  async lacks({ id, capabilities }: Manifest): Promise<readonly string[]> {
    const wanted = capabilities.find(({ name }) => name === CAPABILITY)?.scope?.keys ?? [];
    if (wanted.length === 0) return [];
    const present = new Set((await this.store.list(id)).map(({ name }) => name));
    return wanted
      .filter((name) => !present.has(name))
      .map((name) => `the key ${name} is missing: mag key:create ${id} ${name}`);
  }

  /** What is gone could verify nothing any more: without a purge keys stay. */
  async forget(extension: ExtensionId, { purge }: { readonly purge: boolean }): Promise<void> {
    if (purge) await this.store.clear(extension);
  }

  async emitEvent(event: ComponentEvent): Promise<void> {
    if (this.#registrar === null) throw new MagError('E_STATE', 'The adapter is not attached to a kernel.');
    await this.#registrar.publish('keys', event);
  }
}

async function signWith({ current }: StoredKey, { data }: Params<'sign'>): Promise<Json> {
  const signature = await signData(current, decode(data));
  return { signature: signature.toString('base64'), keyId: current.keyId };
}

async function verifyWith(key: StoredKey, { data, signature, keyId }: Params<'verify'>): Promise<Json> {
  const [signed, proof] = [decode(data), decode(signature)];
  for (const version of [key.current, ...key.previous]) {
    if (keyId !== undefined && version.keyId !== keyId) continue;
    if (await isSignatureOf(version, signed, proof)) return { valid: true, keyId: version.keyId };
  }
  return { valid: false, keyId: null };
}

async function jwsWith({ current }: StoredKey, { payload, header = {} }: Params<'jws'>): Promise<Json> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  // Half a surrogate pair would be signed as something else than what was given.
  if (!text.isWellFormed()) throw new MagError('E_PARAMS', 'The payload is not valid Unicode.');
  return { jws: await compactJws(current, Buffer.from(text), header), keyId: current.keyId };
}

function publicOf({ current, previous }: StoredKey): Json {
  if (current.view === null)
    throw new MagError('E_PARAMS', 'The key is symmetric: there is no public half of it.');
  const older = previous.flatMap(({ view }) => (view === null ? [] : [viewOf(view)]));
  return { ...viewOf(current.view), previous: older };
}

function viewOf({ keyId, algorithm, jwk, pem }: PublicKey) {
  return { keyId, algorithm, jwk: { ...jwk }, pem };
}

function decode(text: string): Buffer {
  if (text.length % 4 === 0 && BASE64.test(text)) return Buffer.from(text, 'base64');
  throw new MagError('E_PARAMS', 'Data and signatures are base64.');
}

function callOf(hook: string): KeyCall {
  if (CALLS.includes(hook)) return hook as KeyCall;
  throw new MagError('E_INTERNAL', 'The keys component has no such call.');
}
