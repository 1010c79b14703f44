import type { ComponentAdapter, ComponentEvent, HookContext, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW, type Decision, type Demand } from '../../kernel/capability/gate.ts';
import { codeOf, MagError } from '../../kernel/errors.ts';
import type { Caller, Logger } from '../../kernel/ports.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import type { HostCalls } from '../../manifests/protocol/calls.ts';
import { createEnvironmentSecrets } from './environment-secrets.ts';
import { GivenSecrets } from './given-secrets.ts';
import { MappedSecrets } from './mapped-secrets.ts';
import type { SecretKey, SecretMappings, VaultConnections } from './ports.ts';
import { SecretAdministration, type SecretRecord } from './secret-administration.ts';
import type { SecretBackend } from './secret-backend.ts';
import { SecretFolder } from './secret-folder.ts';
import { listSecrets, type SecretRow, type WantedSecret } from './secret-list.ts';
import { SecretPlaces } from './secret-places.ts';
import { createSecretResolver, type SecretResolver } from './secret-resolver.ts';

type Params = HostCalls['secrets.get']['params'];

const CAPABILITY = 'system.secrets';
const ADMINISTRATION = 'system.secret_mappings';
/** When it was last read is kept to the minute. */
const READ_NOTED_MS = 60_000;

export interface SecretsOptions {
  /** Absolute: `<data>/secrets`. */
  readonly rootDir: string;
  /** By name: what the host was started with. */
  readonly environment: ReadonlyMap<string, string>;
  readonly logger: Logger;
  /** Puts on record that an extension was given a secret: once for each since the host started. */
  readonly record: (extension: ExtensionId, name: string) => Promise<void>;
  readonly mappings: SecretMappings;
  readonly connections: VaultConnections;
  /** The secrets that extensions known to this host want. */
  readonly wanted: () => Promise<readonly WantedSecret[]>;
  /** Puts on record what was done to a mapping. */
  readonly recordChange: (record: SecretRecord) => Promise<void>;
}

/** The adapter of the secrets that operators bind to extensions. */
export interface SecretsAdapter extends ComponentAdapter {
  readonly component: 'secrets';
  readonly resolver: SecretResolver;
  /** Every secret there is, and every one that is wanted. No values. */
  list(wanted: readonly WantedSecret[]): Promise<SecretRow[]>;
  /** Takes the values an extension was given out of what it writes; `null` when it has none. */
  redactor(extension: ExtensionId): ((text: string) => string) | null;
}

export function createSecretsAdapter(options: SecretsOptions): SecretsAdapter {
  return new Secrets(options);
}

class Secrets implements SecretsAdapter {
  readonly component = 'secrets';
  readonly resolver: SecretResolver;
  readonly #options: SecretsOptions;
  readonly #folder: SecretFolder;
  readonly #backends: readonly SecretBackend[];
  readonly #mapped: MappedSecrets;
  readonly #administration: SecretAdministration;
  readonly #given = new GivenSecrets();
  /** By extension and name; of `performance.now()`. */
  readonly #noted = new Map<string, number>();
  #registrar: HookRegistrar | null = null;

  constructor(options: SecretsOptions) {
    this.#options = options;
    this.#folder = new SecretFolder(options.rootDir);
    this.#backends = [this.#folder, createEnvironmentSecrets(options.environment)];
    const places = new SecretPlaces(this.#backends, options.connections);
    this.#mapped = new MappedSecrets(options.mappings, places);
    const binding = (id: ExtensionId, name: string) => this.#folder.binding(id, name);
    this.resolver = createSecretResolver(this.#backends, binding, this.#mapped);
    this.#administration = new SecretAdministration({
      mappings: options.mappings,
      mapped: this.#mapped,
      connections: options.connections,
      places,
      backends: this.#backends,
      bindings: () => this.#folder.bindings(),
      wanted: options.wanted,
      record: options.recordChange,
      announce: (key, version) => this.#announce(key, version),
    });
  }

  /** The catalogue has no hook of this component. */
  registerHooks(kernel: HookRegistrar): void {
    this.#registrar = kernel;
  }

  /** What the manifest does not name is out of its scope: see `parseManifest`. */
  demands(hook: string, params: Json): readonly Demand[] {
    if (this.#administration.has(hook)) return [{ capability: ADMINISTRATION }];
    requireGet(hook);
    return [{ capability: CAPABILITY, resource: { names: (params as Params).name } }];
  }

  async executeHook(hook: string, { caller, params }: HookContext): Promise<Json> {
    if (this.#administration.has(hook)) return this.#administration.do(hook, params, caller);
    requireGet(hook);
    return { value: await this.#give((params as Params).name, caller) };
  }

  /** Whatever the gate allows, this component can do. */
  validateCapability(): Decision {
    return ALLOW;
  }

  async lacks({ id, secrets }: Manifest): Promise<readonly string[]> {
    const sentences = secrets.map(async ({ name }) => {
      const found = await this.resolver.resolve(name, { extension: id, tenantId: null });
      if (found.state === 'present') return [];
      if (found.state === 'unusable') return [`the secret ${name} cannot be used: ${found.why}`];
      return [`the secret ${name} is missing: mag secret:set ${name} --extension ${id}`];
    });
    return (await Promise.all(sentences)).flat();
  }

  async forget(extension: ExtensionId, { purge }: { readonly purge: boolean }): Promise<void> {
    this.#given.forget(extension);
    for (const key of this.#noted.keys()) if (key.startsWith(`${extension} `)) this.#noted.delete(key);
    if (purge) await this.#folder.clear(extension);
  }

  list(wanted: readonly WantedSecret[]): Promise<SecretRow[]> {
    return listSecrets(wanted, {
      folder: this.#folder,
      backends: this.#backends,
      resolver: this.resolver,
      mappings: this.#options.mappings,
      mapped: this.#mapped,
    });
  }

  redactor(extension: ExtensionId): ((text: string) => string) | null {
    return this.#given.redactor(extension);
  }

  async emitEvent(event: ComponentEvent): Promise<void> {
    if (this.#registrar === null) throw new MagError('E_STATE', 'The adapter is not attached to a kernel.');
    await this.#registrar.publish('secrets', event);
  }

  async #give(name: string, { extension, request }: Caller): Promise<string> {
    const found = await this.resolver.resolve(name, { extension, tenantId: request?.tenantId ?? null });
    if (found.state === 'unusable') {
      const fields = { extension, secret: name, from: found.from, why: found.why };
      this.#options.logger.error(fields, 'a secret that an extension asked for cannot be used');
    }
    if (found.state !== 'present')
      throw new MagError('E_SECRET_MISSING', `No secret ${name} is bound to ${extension}.`);
    if (!this.#given.knows(extension, name)) await this.#record(extension, name);
    this.#given.add(extension, name, found.value);
    await this.#note(extension, name);
    return found.value;
  }

  /** For the list of operators: a secret is given whether or not it can be kept. */
  async #note(extension: ExtensionId, name: string): Promise<void> {
    const key = `${extension} ${name}`;
    const now = performance.now();
    if (now - (this.#noted.get(key) ?? Number.NEGATIVE_INFINITY) < READ_NOTED_MS) return;
    this.#noted.set(key, now);
    await this.#options.mappings.noteRead(extension, name).catch((error: unknown) => {
      const fields = { extension, secret: name, code: codeOf(error) };
      this.#options.logger.warn(fields, 'when a secret was read could not be kept');
    });
  }

  async #announce({ name, extension, tenantId }: SecretKey, version: number): Promise<void> {
    await this.emitEvent({
      type: 'secrets.rotated',
      data: { name, extension, tenant: tenantId, version },
    });
  }

  /** What is not on record is not given. */
  async #record(extension: ExtensionId, name: string): Promise<void> {
    try {
      await this.#options.record(extension, name);
    } catch (cause) {
      throw new MagError('E_STORAGE', 'That the secret is read could not be put on record.', { cause });
    }
  }
}

function requireGet(hook: string): void {
  if (hook !== 'get') throw new MagError('E_INTERNAL', 'The secrets component has no such call.');
}
