import type { SecretKey, SecretMapping, SecretMappings } from './ports.ts';
import type { SecretValue } from './secret-backend.ts';
import type { SecretPlaces } from './secret-places.ts';

/** A value out of a Vault is used this long without asking again. */
const FRESH_MS = 30_000;
/** So long one that does not answer is not asked again, whoever asks. */
const PAUSE_MS = 1_000;
const MAX_KEPT = 1_000;

interface Kept {
  readonly version: number;
  readonly value: Promise<SecretValue>;
  /** What it came to; `null` while it is under way. */
  found: SecretValue | null;
  /** Of `performance.now()`. */
  until: number;
}

/** `from` is the backend. */
export type MappedSecret = SecretValue & { readonly from: string };

/**
 * Secrets that are mapped. A mapping is read from the database each time, so that a change on any host is seen by the
 * next read on all of them; a value of a Vault is kept for as long as its mapping has the same version, and at most
 * 30 s: after that a Vault that does not answer means no secret. Files and the environment are read each time.
 */
export class MappedSecrets {
  readonly #mappings: Pick<SecretMappings, 'find'>;
  readonly #places: SecretPlaces;
  readonly #freshMs: number;
  /** Least recently made first. */
  readonly #kept = new Map<string, Kept>();

  constructor(mappings: Pick<SecretMappings, 'find'>, places: SecretPlaces, freshMs = FRESH_MS) {
    this.#mappings = mappings;
    this.#places = places;
    this.#freshMs = freshMs;
  }

  /** `null`: the name is not mapped. What is mapped and not there is missing: nothing else stands in for it. */
  async read(key: SecretKey): Promise<MappedSecret | null> {
    const mapping = await this.#mappings.find(key);
    return mapping === null ? null : this.readMapping(mapping);
  }

  async readMapping(mapping: SecretMapping): Promise<MappedSecret> {
    const { backend } = mapping;
    const value = backend.startsWith('vault:') ? await this.#fromVault(mapping) : await this.readNow(mapping);
    return { ...value, from: backend };
  }

  /** Without what is kept, and keeping nothing. */
  async readNow({ backend, ref }: Pick<SecretMapping, 'backend' | 'ref'>): Promise<SecretValue> {
    const place = await this.#places.find(backend);
    return place === null ? { state: 'unusable', why: `there is no backend ${backend}` } : place.readRef(ref);
  }

  /** What was last read of a mapping in a Vault on this host; `null`: nothing yet, or too long ago. */
  known(mapping: SecretMapping): SecretValue | null {
    const kept = this.#kept.get(keyOf(mapping));
    return kept?.version === mapping.version && performance.now() < kept.until ? kept.found : null;
  }

  #fromVault(mapping: SecretMapping): Promise<SecretValue> {
    const key = keyOf(mapping);
    const kept = this.#kept.get(key);
    if (kept?.version === mapping.version && performance.now() < kept.until) return kept.value;
    const fresh: Kept = {
      version: mapping.version,
      value: this.readNow(mapping).then((found) => {
        fresh.found = found;
        fresh.until = performance.now() + (found.state === 'present' ? this.#freshMs : PAUSE_MS);
        return found;
      }),
      found: null,
      until: Number.POSITIVE_INFINITY, // while it is under way, everybody waits for the same answer
    };
    fresh.value.catch(() => this.#kept.delete(key));
    this.#keep(key, fresh);
    return fresh.value;
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break;
      this.#kept.delete(oldest);
    }
  }
}

function keyOf({ name, extension, tenantId }: SecretKey): string {
  return JSON.stringify([name, extension, tenantId]);
}
