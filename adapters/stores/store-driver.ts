import type { StateSpace } from '../../kernel/ports.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { StoreStream } from '../../manifests/sdk/host-api.ts';
import type { Written } from './state-content.ts';

/** JSON text, and what it and its key or stream take of the quota, in bytes. */
export interface StoredContent {
  readonly text: string;
  readonly size: number;
}

export interface StoredText {
  readonly key: string;
  readonly text: string;
  readonly version: number;
}

export interface StreamText {
  readonly id: number;
  readonly text: string;
}

export interface StorePage {
  readonly prefix: string;
  readonly after: string;
  readonly limit: number;
}

/** `behind`: the stream is at the wanted id or behind it. `id` is that of its newest entry afterwards. */
export interface Appended {
  readonly outcome: 'written' | 'behind' | 'quota';
  readonly id: number;
}

/** How a store does, for operators. */
export interface StoreReport {
  readonly latencyMs: number;
  /** Of the server: `Redis 8.0.2`. */
  readonly server: string;
  /** What of its settings loses data, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * One store. Keys, values and limits were checked before; keys sort by code point. Every space is apart from all
 * others whatever its keys are. Each method is atomic, and throws `E_STORE_UNAVAILABLE` when the store does not do it.
 */
export interface StoreDriver {
  get(space: StateSpace, key: string, signal: AbortSignal): Promise<StoredText | null>;
  /** `expected`: only if the key has this version (0: does not exist). `version`: the one it gets; `null`: the next. */
  put(
    space: StateSpace,
    key: string,
    content: StoredContent,
    when: { readonly expected: number | null; readonly version: number | null },
    signal: AbortSignal,
  ): Promise<Written>;
  delete(space: StateSpace, key: string, signal: AbortSignal): Promise<boolean>;
  /** `null`: they are larger than `maxBytes`. */
  list(
    space: StateSpace,
    page: StorePage & { readonly maxBytes: number },
    signal: AbortSignal,
  ): Promise<readonly StoredText[] | null>;
  append(
    space: StateSpace,
    stream: string,
    content: StoredContent,
    options: { readonly id: number | null; readonly keep: number },
    signal: AbortSignal,
  ): Promise<Appended>;
  /** As many as fit, at least one if there is one. */
  read(
    space: StateSpace,
    stream: string,
    page: { readonly after: number; readonly limit: number; readonly maxBytes: number },
    signal: AbortSignal,
  ): Promise<readonly StreamText[]>;
  streams(space: StateSpace, page: StorePage, signal: AbortSignal): Promise<readonly StoreStream[]>;
  removeStream(space: StateSpace, stream: string, signal: AbortSignal): Promise<boolean>;
  /** All tenants. */
  clear(extension: ExtensionId): Promise<void>;
  /** Extensions that keep something there. */
  holders(): Promise<ExtensionId[]>;
  check(): Promise<StoreReport>;
  close(): Promise<void>;
}
