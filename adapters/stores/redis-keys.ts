import { MagError } from '../../kernel/errors.ts';
import type { StateSpace } from '../../kernel/ports.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';

const TENANT = /^t_[a-z0-9_-]+$/;
const EXTENSION = /^[a-z0-9-]+\/[a-z0-9-]+$/;
const USAGE = /:\{([a-z0-9-]+\/[a-z0-9-]+)\}:t_[a-z0-9_-]+:usage$/;

/**
 * Names of keys in Redis. Extension and tenant are the host's own words; of what an extension chooses only the name of
 * a stream is part of one, percent-encoded: keys are members of a set and a hash. The braces keep what belongs to an
 * extension in one slot of a cluster.
 */
export class RedisKeys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** What the extension holds for the tenant. */
  usage(space: StateSpace): string {
    return `${this.#in(space)}usage`;
  }

  /** The names of the keys, in order, and their values. */
  entries(space: StateSpace): readonly [usage: string, keys: string, values: string] {
    const base = this.#in(space);
    return [this.usage(space), `${base}keys`, `${base}values`];
  }

  /** The names of the streams, in order. */
  streams(space: StateSpace): string {
    return `${this.#in(space)}streams`;
  }

  stream(space: StateSpace, name: string): string {
    return `${this.#in(space)}stream:${encodeURIComponent(name)}`;
  }

  /** Patterns for SCAN: all of an extension, and what every extension holds. */
  allOf(extension: ExtensionId): string {
    return `${this.#of(extension)}*`;
  }

  get usages(): string {
    return `${this.#prefix}:{*}:*:usage`;
  }

  /** Whose usage a key is; `null`: somebody else's key. */
  holderOf(key: string): ExtensionId | null {
    return key.startsWith(`${this.#prefix}:{`)
      ? ((USAGE.exec(key)?.[1] ?? null) as ExtensionId | null)
      : null;
  }

  #in({ extension, tenantId }: StateSpace): string {
    if (!TENANT.test(tenantId)) throw new MagError('E_PARAMS', 'The tenant is none.');
    return `${this.#of(extension)}${tenantId}:`;
  }

  #of(extension: ExtensionId): string {
    if (!EXTENSION.test(extension)) throw new MagError('E_INTERNAL', 'The extension is none.');
    return `${this.#prefix}:{${extension}}:`;
  }
}
