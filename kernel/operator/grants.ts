import {
  type CapabilityName,
  capabilityRow,
  isCapability,
  type Scope,
  scopeValueProblems,
} from '../../manifests/catalog/index.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { Parts } from '../lifecycle/parts.ts';
import type { Principal } from '../operator.ts';

const REVOKE_MS = 5_000;

/** Gives extensions what their manifests declare, and takes it back. */
export class Grants {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @throws `E_APPROVAL`, `E_NOT_FOUND`; `E_STATE` before it is installed */
  async add(id: ExtensionId, capability: string, scope: Scope | null, by: Principal): Promise<void> {
    await this.#requireDeclared(id, capability);
    const name = known(capability);
    checkScope(name, scope);
    const grant = { extension: id, capability: name, scope, grantedBy: by.id };
    if (!(await this.#parts.stores.grants.add(grant)))
      throw new MagError('E_NOT_FOUND', `${id} was uninstalled meanwhile`);
    await this.#apply(id);
  }

  /**
   * It holds on this host at once, and on the others when this resolves.
   * @returns which of them have not followed in time, in words
   * @throws `E_APPROVAL`, `E_NOT_FOUND`; `E_STATE` before it is installed
   */
  async remove(id: ExtensionId, capability: string): Promise<string | undefined> {
    await this.#requireDeclared(id, capability);
    const removed = await this.#parts.stores.grants.remove(id, known(capability));
    if (!removed) throw new MagError('E_NOT_FOUND', `${capability} is not granted to ${id}`);
    await this.#apply(id);
    return this.#parts.followed(REVOKE_MS);
  }

  async #requireDeclared(id: ExtensionId, capability: string): Promise<void> {
    const { registry } = this.#parts;
    const record = await registry.record(id);
    if (record.state === 'staged')
      throw new MagError('E_STATE', `${id} is not installed yet; approve with install`);
    const manifest = await registry.manifest(record.digest);
    if (manifest.capabilities.some(({ name }) => name === capability)) return;
    throw new MagError('E_APPROVAL', `${id} does not declare ${capability}`);
  }

  /** The gate first: a revocation holds at once, whatever the database does. */
  async #apply(id: ExtensionId): Promise<void> {
    const { gate, stores, data, running } = this.#parts;
    const grants = await stores.grants.list(id);
    gate.regrant(id, grants);
    await data.syncGrants(id, grants);
    await running.subscribe(id);
  }
}

/** @throws `E_APPROVAL` when the catalogue does not have it */
function known(capability: string): CapabilityName {
  if (isCapability(capability)) return capability;
  throw new MagError('E_APPROVAL', `${capability} is no capability of this host`);
}

/** @throws `E_APPROVAL` when a scope narrows by nothing, or by what the catalogue does not know */
function checkScope(capability: CapabilityName, scope: Scope | null): void {
  if (scope === null) return;
  const keys = Object.keys(capabilityRow(capability).scope);
  const unknown = Object.keys(scope).find((key) => !keys.includes(key));
  if (unknown !== undefined || Object.keys(scope).length === 0) {
    const takes = keys.length === 0 ? 'takes no scope' : `takes a scope of ${keys.join(', ')}`;
    throw new MagError('E_APPROVAL', `${capability} ${takes}`);
  }
  const [problem] = scopeValueProblems(capability, scope);
  if (problem !== undefined) throw new MagError('E_APPROVAL', `${capability} ${problem}`);
}
