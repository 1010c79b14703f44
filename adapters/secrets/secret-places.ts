import type { VaultConnections } from './ports.ts';
import type { SecretBackend, SecretValue } from './secret-backend.ts';
import { placeOf, type SecretPlace } from './secret-place.ts';
import { VaultPlace } from './vault-place.ts';

const VAULT = /^vault:([a-z][a-z0-9-]{0,39})$/;

/** What a Vault last said to this host. */
export interface Outcome {
  readonly at: Date;
  /** `null`: it answered. */
  readonly problem: string | null;
}

/** Every place that mappings can lead to, by the name of its backend. */
export class SecretPlaces {
  readonly #local: ReadonlyMap<string, SecretPlace>;
  readonly #connections: VaultConnections;
  readonly #readLocal: (name: string) => Promise<SecretValue>;
  /** Kept for their leases, for as long as the connection is what it was. */
  readonly #vaults = new Map<string, { readonly made: string; readonly place: SecretPlace }>();
  readonly #outcomes = new Map<string, Outcome>();

  /**
   * @param local the backends that need no other one: what a Vault is entered with comes from them
   */
  constructor(local: readonly SecretBackend[], connections: VaultConnections) {
    this.#local = new Map(local.map((backend) => [backend.kind, placeOf(backend)]));
    this.#connections = connections;
    this.#readLocal = async (name) => {
      for (const backend of local) {
        const found = await backend.read({ name, extension: null }, null);
        if (found.state !== 'missing') return found;
      }
      return { state: 'missing' };
    };
  }

  /** `null`: there is no such backend. @throws `E_STORAGE` */
  async find(backend: string): Promise<SecretPlace | null> {
    const [, name] = VAULT.exec(backend) ?? [];
    return name === undefined ? (this.#local.get(backend) ?? null) : this.#vault(name);
  }

  /** `null`: this host has not asked it yet. */
  outcome(backend: string): Outcome | null {
    return this.#outcomes.get(backend) ?? null;
  }

  /** Whether what a reference leads to opens one of the Vaults. @throws `E_STORAGE` */
  async isCredential(ref: string): Promise<boolean> {
    return (await this.#connections.list()).some(({ secret }) => secret === ref);
  }

  async #vault(name: string): Promise<SecretPlace | null> {
    const connection = await this.#connections.find(name);
    if (connection === null) return null;
    const made = JSON.stringify(connection);
    const known = this.#vaults.get(name);
    if (known?.made === made) return known.place;
    const credential = async () => {
      const found = await this.#readLocal(connection.secret);
      return found.state === 'present' ? found.value : null;
    };
    const place = this.#watched(`vault:${name}`, new VaultPlace({ connection, credential }));
    this.#vaults.set(name, { made, place });
    return place;
  }

  #watched(backend: string, place: SecretPlace): SecretPlace {
    return {
      refProblem: (ref) => place.refProblem(ref),
      readRef: async (ref) => {
        const found = await place.readRef(ref);
        const problem = found.state === 'unusable' ? found.why : null;
        this.#outcomes.set(backend, { at: new Date(), problem });
        return found;
      },
    };
  }
}
