import type { DeclaredOf } from './declared.ts';

/** Of the manifest; any name while there are no generated types. */
type SecretName = DeclaredOf<'secrets', string>;

/** `get` needs `system.secrets`, `mappings` `system.secret_mappings`. */
export interface Secrets {
  /**
   * What an operator bound to a name of `secrets` in the manifest, as it is now: ask again rather than keep it.
   * @throws `E_SECRET_MISSING`, `E_CAP_SCOPE` for a name that the manifest does not have, `E_CAP_REVOKED`
   */
  get(name: SecretName): Promise<string>;
  readonly mappings: SecretMappings;
}

/** What a mapping is of. */
export interface SecretKey {
  /** Capitals, digits and `_`. */
  readonly name: string;
  /** Whose name it is; absent: one that extensions are bound to, and the host itself reads. */
  readonly extension?: string;
  /** Absent: of every tenant that has no mapping of its own. */
  readonly tenant?: string;
}

/** Where a secret is kept. */
export interface SecretTarget {
  /** `folder`, `environment` or `vault:<name>`. */
  readonly backend: string;
  /** What it is called there: a name; of a Vault `<path>#<field>`. */
  readonly ref: string;
  /** Days after which a value is too old. Absent: never. */
  readonly rotateAfterDays?: number;
}

/**
 * Where secrets are kept, for whoever administers them: names, never a value. Needs `system.secret_mappings`, and a
 * request of the tenant `t_system`. Each throws `E_FORBIDDEN` in another tenant, and `E_CAP_REVOKED`.
 */
export interface SecretMappings {
  /**
   * What is mapped, wanted by an extension, or there; of one `name`, or all. A page ends at `limit` (100), the next one
   * is `after` its `next`.
   */
  list(options?: {
    readonly name?: string;
    readonly after?: string;
    readonly limit?: number;
  }): Promise<SecretPage>;
  backends(): Promise<SecretBackend[]>;
  /** Newest first, 50 unless told. Of one that was removed, too. */
  history(key: SecretKey, options?: { readonly limit?: number }): Promise<SecretChange[]>;
  /**
   * Says where a secret is kept: what reads it next reads it there. With `version` only if it has that one (0: it is
   * not mapped yet).
   * @throws `E_PARAMS` for what is no reference, `E_NOT_FOUND` for no backend; `E_FORBIDDEN` for secrets that this
   *   extension reads itself, and for what the host enters a Vault with
   */
  set(
    key: SecretKey,
    target: SecretTarget,
    options?: { readonly version?: number },
  ): Promise<{ swapped: boolean; version: number }>;
  /** The name is looked for where it was before it was mapped. `swapped` is false with version 0: it was not. */
  remove(
    key: SecretKey,
    options?: { readonly version?: number },
  ): Promise<{ swapped: boolean; version: number }>;
  /** It has a new value where it is kept: no host uses what it read before. @throws `E_NOT_FOUND` */
  rotate(key: SecretKey): Promise<{ version: number; rotatedAt: string }>;
  /** Asks the backend whether it is there. @throws `E_NOT_FOUND` when it is not mapped */
  check(key: SecretKey): Promise<SecretCheck>;
}

export type SecretPage = {
  readonly secrets: SecretStatus[];
  /** `null`: there are no more. */
  readonly next: string | null;
};

/** A secret, without its value. Times are ISO 8601. What is of these types can be answered with as it is. */
export type SecretStatus = {
  readonly name: string;
  /** Whose; `null`: one that extensions are bound to. */
  readonly extension: string | null;
  readonly tenant: string | null;
  /** `unchecked`: it is in a Vault, and this host has not read it of late. */
  readonly state: 'present' | 'missing' | 'unusable' | 'unchecked';
  readonly problem: string | null;
  /** `folder`, `environment`, `vault:<name>`; of one that is bound, with the name behind it. `null`: nowhere. */
  readonly from: string | null;
  /** `null`: it is not mapped. */
  readonly mapping: {
    readonly backend: string;
    readonly ref: string;
    readonly version: number;
    readonly rotateAfterDays: number | null;
    readonly rotatedAt: string;
    /** When its value is too old; `null`: never. */
    readonly dueAt: string | null;
    readonly changedAt: string;
    readonly changedBy: string;
  } | null;
  /** Extensions that read it. */
  readonly usedBy: string[];
  /** By one of them, to the minute. */
  readonly lastReadAt: string | null;
};

/** A place where secrets are kept. */
export type SecretBackend = {
  readonly name: string;
  /** `null`: it is on the host. */
  readonly url: string | null;
  /** What it last said to this host; `null`: nothing is wrong, or it was not asked. */
  readonly problem: string | null;
  readonly askedAt: string | null;
};

export type SecretChange = {
  readonly version: number;
  readonly action: 'map' | 'unmap' | 'rotate';
  readonly backend: string;
  readonly ref: string;
  readonly rotateAfterDays: number | null;
  readonly changedAt: string;
  readonly changedBy: string;
};

export type SecretCheck = {
  readonly state: 'present' | 'missing' | 'unusable';
  readonly backend: string;
  readonly problem: string | null;
};
