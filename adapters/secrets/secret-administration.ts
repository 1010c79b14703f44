import { MagError, toMagError } from '../../kernel/errors.ts';
import type { Caller } from '../../kernel/ports.ts';
import type { Json, JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { CallName, HostCalls } from '../../manifests/protocol/calls.ts';
import type { SecretKey, SecretMappings, VaultConnections } from './ports.ts';
import type { SecretPlaces } from './secret-places.ts';
import { idOf, type StatusSources, statusOf } from './secret-status.ts';

const CONTROL_PLANE = 't_system';
const PAGE = 100;
const CHANGES = 50;

/** Calls of the table, without the component before the dot. */
export type AdministrationCall = Exclude<
  { [Name in CallName]: Name extends `secrets.${infer Call}` ? Call : never }[CallName],
  'get'
>;
type ParamsOf<Call extends AdministrationCall> = HostCalls[`secrets.${Call}`]['params'];
type ResultOf<Call extends AdministrationCall> = HostCalls[`secrets.${Call}`]['result'];
type Named = { readonly name: string; readonly extension?: string; readonly tenant?: string };

/** For the audit log: names only. */
export interface SecretRecord {
  readonly principal: string;
  readonly action: 'secret.map' | 'secret.unmap' | 'secret.rotate';
  readonly target: string;
  readonly outcome: 'ok' | 'refused' | 'failed';
  readonly detail: JsonObject;
}

export interface AdministrationParts extends Omit<StatusSources, 'mappings'> {
  readonly mappings: SecretMappings;
  readonly connections: VaultConnections;
  readonly places: SecretPlaces;
  readonly record: (record: SecretRecord) => Promise<void>;
  /** Tells who reads secrets that one of them has a new value. */
  readonly announce: (key: SecretKey, version: number) => Promise<void>;
}

type Calls = {
  readonly [Call in AdministrationCall]: (params: ParamsOf<Call>, caller: Caller) => Promise<ResultOf<Call>>;
};

/**
 * What an extension with `system.secret_mappings` does: it says where secrets are kept, and reads none. Only for
 * requests of the control plane, where people are operators of the host.
 */
export class SecretAdministration {
  readonly #parts: AdministrationParts;
  readonly #calls: Calls = {
    list: (params) => this.#list(params),
    backends: () => this.#backends(),
    history: (params) => this.#history(keyOf(params), params.limit ?? CHANGES),
    map: (params, caller) => this.#map(params, caller),
    unmap: (params, caller) => this.#unmap(params, caller),
    rotate: (params, caller) => this.#rotate(keyOf(params), caller),
    check: (params) => this.#check(keyOf(params)),
  };

  constructor(parts: AdministrationParts) {
    this.#parts = parts;
  }

  has(call: string): call is AdministrationCall {
    return Object.hasOwn(this.#calls, call);
  }

  /** @throws `E_FORBIDDEN`, `E_NOT_FOUND`, `E_PARAMS`, `E_STORAGE` */
  async do(call: AdministrationCall, params: Json, caller: Caller): Promise<Json> {
    const tenant = caller.request?.tenantId ?? CONTROL_PLANE;
    if (tenant !== CONTROL_PLANE)
      throw new MagError('E_FORBIDDEN', `Where secrets are kept is said in the tenant ${CONTROL_PLANE}.`);
    const run = this.#calls[call] as (params: Json, caller: Caller) => Promise<unknown>;
    return (await run(params, caller)) as Json;
  }

  async #list({ name, after = '', limit = PAGE }: ParamsOf<'list'>): Promise<ResultOf<'list'>> {
    const rows = (await statusOf(this.#parts, name)).map((row) => ({
      id: idOf({ name: row.name, extension: row.extension as ExtensionId | null, tenantId: row.tenant }),
      row,
    }));
    const page = rows.filter(({ id }) => id > after).slice(0, limit + 1);
    const last = page.length > limit ? page[limit - 1]?.id : undefined;
    return { secrets: page.slice(0, limit).map(({ row }) => row), next: last ?? null };
  }

  async #backends(): Promise<ResultOf<'backends'>> {
    const here = ['folder', 'environment'].map((name) => ({ name, url: null, problem: null, askedAt: null }));
    const far = (await this.#parts.connections.list()).map((connection) => {
      const name = `vault:${connection.name}`;
      const { at = null, problem = null } = this.#parts.places.outcome(name) ?? {};
      return { name, url: connection.url, problem, askedAt: at?.toISOString() ?? null };
    });
    return { backends: [...here, ...far] };
  }

  async #history(key: SecretKey, limit: number): Promise<ResultOf<'history'>> {
    const changes = await this.#parts.mappings.changes(key, limit);
    return {
      changes: changes.map(({ changedAt, ...change }) => ({ ...change, changedAt: changedAt.toISOString() })),
    };
  }

  async #map(params: ParamsOf<'map'>, caller: Caller): Promise<ResultOf<'map'>> {
    const { backend, ref, rotateAfterDays = null, version = null } = params;
    return this.#onRecord(caller, 'secret.map', keyOf(params), { backend }, async (key, by) => {
      await this.#requireOthers(key, caller);
      await this.#requireTarget(backend, ref);
      return this.#parts.mappings.put(key, { backend, ref, rotateAfterDays }, { expected: version, by });
    });
  }

  async #unmap(params: ParamsOf<'unmap'>, caller: Caller): Promise<ResultOf<'unmap'>> {
    return this.#onRecord(caller, 'secret.unmap', keyOf(params), {}, async (key, by) => {
      await this.#requireOthers(key, caller);
      return this.#parts.mappings.remove(key, { expected: params.version ?? null, by });
    });
  }

  async #rotate(of: SecretKey, caller: Caller): Promise<ResultOf<'rotate'>> {
    return this.#onRecord(caller, 'secret.rotate', of, {}, async (key, by) => {
      const rotated = await this.#parts.mappings.rotate(key, by);
      if (rotated === null) throw notMapped(key);
      return { swapped: true, version: rotated.version, rotatedAt: rotated.rotatedAt.toISOString() };
    });
  }

  /** Asks the backend now. */
  async #check(key: SecretKey): Promise<ResultOf<'check'>> {
    const mapping = await this.#parts.mappings.find(key);
    if (mapping === null || mapping.tenantId !== key.tenantId) throw notMapped(key);
    const found = await this.#parts.mapped.readNow(mapping);
    return {
      state: found.state,
      backend: mapping.backend,
      problem: found.state === 'unusable' ? found.why : null,
    };
  }

  /** Changes a mapping, puts on record by its name how that ended, and tells those who read it. */
  async #onRecord<Result extends { readonly swapped: boolean; readonly version: number }>(
    caller: Caller,
    action: SecretRecord['action'],
    key: SecretKey,
    detail: JsonObject,
    change: (key: SecretKey, by: string) => Promise<Result>,
  ): Promise<Result> {
    const principal = caller.request?.principal?.id ?? `extension:${caller.extension}`;
    const { name: target, extension: of, tenantId: tenant } = key;
    const said = { of, tenant, ...detail, by: caller.extension };
    const record = (outcome: SecretRecord['outcome'], more: JsonObject) =>
      this.#parts.record({ principal, action, target, outcome, detail: { ...said, ...more } });
    let result: Result;
    try {
      result = await change(key, principal);
    } catch (error) {
      const { code, status } = toMagError(error);
      await record(status < 500 ? 'refused' : 'failed', { code });
      throw error;
    }
    await record(result.swapped ? 'ok' : 'refused', { version: result.version });
    if (result.swapped) await this.#parts.announce(key, result.version);
    return result;
  }

  /** Whoever says where secrets are kept does not lead one to itself. */
  async #requireOthers({ name, extension }: SecretKey, caller: Caller): Promise<void> {
    const bindings = extension === null ? await this.#parts.bindings() : [];
    const isItsOwn =
      extension === caller.extension ||
      bindings.some((one) => one.extension === caller.extension && one.to === name);
    if (isItsOwn)
      throw new MagError('E_FORBIDDEN', 'An extension does not say where its own secrets are kept.');
  }

  async #requireTarget(backend: string, ref: string): Promise<void> {
    const place = await this.#parts.places.find(backend);
    if (place === null) throw new MagError('E_NOT_FOUND', `There is no backend ${backend}.`);
    const problem = place.refProblem(ref);
    if (problem !== null) throw new MagError('E_PARAMS', `The reference ${problem}.`);
    if (!backend.startsWith('vault:') && (await this.#parts.places.isCredential(ref)))
      throw new MagError('E_FORBIDDEN', 'What the host enters a Vault with is for the host alone.');
  }
}

function keyOf({ name, extension, tenant }: Named): SecretKey {
  return { name, extension: (extension ?? null) as ExtensionId | null, tenantId: tenant ?? null };
}

function notMapped({ name }: SecretKey): MagError {
  return new MagError('E_NOT_FOUND', `The secret ${name} is not mapped.`);
}
