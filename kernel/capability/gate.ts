import type { CapabilityName, Scope } from '../../manifests/catalog/index.ts';
import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import { compileScope, type ScopeMatcher } from './scope.ts';

/** What a call needs: a capability, and for each scope key the value it is about to touch. */
export interface Demand {
  readonly capability: CapabilityName;
  /** `{ tables: 'public.users', schemas: 'public' }`. Absent: no particular resource. */
  readonly resource?: Readonly<Record<string, string>>;
}

export type DenialCode = 'E_CAP_UNDECLARED' | 'E_CAP_REVOKED' | 'E_CAP_SCOPE';

export interface Denial {
  readonly allow: false;
  readonly code: DenialCode;
  readonly capability: CapabilityName;
  readonly detail: string;
}

export type Decision = { readonly allow: true } | Denial;

export const ALLOW: Decision = { allow: true };

/** A grant as the gate needs it: `scope` null covers all that was declared. */
export interface GrantedCapability {
  readonly capability: CapabilityName;
  readonly scope: Scope | null;
}

/** Uses of one grant since the last `takeUses`. */
export interface Uses {
  readonly extension: ExtensionId;
  readonly capability: CapabilityName;
  readonly count: number;
  readonly at: Date;
}

interface Holding {
  readonly declared: ScopeMatcher;
  /** `null`: declared, but not granted or revoked. */
  readonly granted: ScopeMatcher | null;
  uses: number;
  lastUsedMs: number;
  /** It was allowed before, since it was granted or the host started. */
  known: boolean;
}

/**
 * The only choke point (spec 03): what an extension holds is what it declared and the operator granted, and
 * every call is decided here, at run time. Scopes are compiled when grants change, so a decision is two map
 * look-ups. The gate only answers; who asked sees to the consequences.
 */
export class Gate {
  readonly #holders = new Map<ExtensionId, Map<string, Holding>>();
  /** Of the versions of each holder that run: two while one takes the place of the other. */
  readonly #versions = new Map<ExtensionId, readonly Manifest[]>();
  readonly #listeners: ((id: ExtensionId) => void)[] = [];
  readonly #firstListeners: ((id: ExtensionId, capability: CapabilityName) => void)[] = [];

  /**
   * Sets what an extension holds from now on. Counters of uses not yet taken are kept. While an upgrade runs
   * two versions side by side, what the other one declares counts as declared too.
   */
  hold(manifest: Manifest, grants: readonly GrantedCapability[], beside?: Manifest): void {
    this.#versions.set(manifest.id, beside === undefined ? [manifest] : [beside, manifest]);
    this.regrant(manifest.id, grants);
  }

  /** Sets what is granted of what the versions that run declare. Nothing is held by an extension that was released. */
  regrant(id: ExtensionId, grants: readonly GrantedCapability[]): void {
    const versions = this.#versions.get(id);
    if (versions === undefined) return;
    const before = this.#holders.get(id);
    const granted = new Map(grants.map((grant) => [grant.capability, grant.scope]));
    const holdings = new Map<string, Holding>();
    for (const request of versions.flatMap(({ capabilities }) => capabilities)) {
      const name = request.name as CapabilityName; // the manifest was checked against the catalogue
      const scope = granted.get(name);
      const twin = holdings.get(name)?.declared;
      const declared = compileScope(name, request.scope);
      holdings.set(name, {
        declared: twin === undefined ? declared : (resource) => declared(resource) || twin(resource),
        granted: scope === undefined ? null : compileScope(name, scope),
        uses: before?.get(name)?.uses ?? 0,
        lastUsedMs: before?.get(name)?.lastUsedMs ?? 0,
        known: scope !== undefined && before?.get(name)?.known === true,
      });
    }
    this.#holders.set(id, holdings);
    this.#changed(id);
  }

  /** Forgets an extension: everything it asks for from now on is undeclared. */
  release(id: ExtensionId): void {
    this.#versions.delete(id);
    this.#holders.delete(id);
    this.#changed(id);
  }

  /** Calls back at once whenever what an extension holds has changed. */
  onChange(listener: (id: ExtensionId) => void): void {
    this.#listeners.push(listener);
  }

  /** Calls back at once when a capability is allowed for the first time since it was granted, on this host. */
  onFirstUse(listener: (id: ExtensionId, capability: CapabilityName) => void): void {
    this.#firstListeners.push(listener);
  }

  /** Decides a call by all it demands, and counts the uses when it is allowed. */
  decide(id: ExtensionId, demands: readonly Demand[]): Decision {
    const holdings = this.#holders.get(id);
    let denial: Denial | undefined;
    for (const demand of demands) {
      const refused = refusal(holdings?.get(demand.capability), demand);
      // Undeclared outranks the rest: it ends the extension.
      if (refused?.code === 'E_CAP_UNDECLARED') return refused;
      denial ??= refused;
    }
    if (denial !== undefined) return denial;
    const now = Date.now();
    for (const { capability } of demands) {
      const holding = holdings?.get(capability);
      if (holding === undefined) continue;
      holding.uses += 1;
      holding.lastUsedMs = now;
      if (holding.known) continue;
      holding.known = true;
      for (const listener of this.#firstListeners) listener(id, capability);
    }
    return ALLOW;
  }

  /** Whether a demand would be allowed; counts nothing. For what the host offers an extension by itself. */
  covers(id: ExtensionId, demand: Demand): boolean {
    return refusal(this.#holders.get(id)?.get(demand.capability), demand) === undefined;
  }

  /** Hands out the counted uses and starts counting anew. */
  takeUses(): Uses[] {
    const taken: Uses[] = [];
    for (const [extension, holdings] of this.#holders) {
      for (const [capability, holding] of holdings) {
        if (holding.uses === 0) continue;
        taken.push({
          extension,
          capability: capability as CapabilityName,
          count: holding.uses,
          at: new Date(holding.lastUsedMs),
        });
        holding.uses = 0;
      }
    }
    return taken;
  }

  #changed(id: ExtensionId): void {
    for (const listener of this.#listeners) listener(id);
  }
}

function refusal(holding: Holding | undefined, { capability, resource }: Demand): Denial | undefined {
  if (holding === undefined) {
    return deny('E_CAP_UNDECLARED', capability, `${capability} is not declared in the manifest`);
  }
  if (holding.granted === null) return deny('E_CAP_REVOKED', capability, `${capability} is not granted`);
  if (resource === undefined || (holding.declared(resource) && holding.granted(resource))) return undefined;
  const named = Object.values(resource)[0] ?? '';
  return deny('E_CAP_SCOPE', capability, `${capability} does not cover ${named}`);
}

function deny(code: DenialCode, capability: CapabilityName, detail: string): Denial {
  return { allow: false, code, capability, detail };
}
