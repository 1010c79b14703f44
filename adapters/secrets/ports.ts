import type { ExtensionId } from '../../manifests/manifest/manifest.ts';

/** What a mapping is of. */
export interface SecretKey {
  readonly name: string;
  /** Whose name it is; `null`: one that extensions can be bound to, and the host itself reads. */
  readonly extension: ExtensionId | null;
  /** `null`: of every tenant that has no mapping of its own. */
  readonly tenantId: string | null;
}

/** Where a secret is kept. */
export interface SecretTarget {
  /** `folder`, `environment` or `vault:<name>`. */
  readonly backend: string;
  /** What it is called there. Of a vault `<path>#<field>`. */
  readonly ref: string;
  /** Days after which a value is too old; `null`: never. */
  readonly rotateAfterDays: number | null;
}

export interface SecretMapping extends SecretKey, SecretTarget {
  /** Rises with every change and rotation, and never comes again. */
  readonly version: number;
  readonly rotatedAt: Date;
  readonly changedAt: Date;
  /** A principal. */
  readonly changedBy: string;
}

export interface SecretChange extends SecretTarget {
  readonly version: number;
  readonly action: 'map' | 'unmap' | 'rotate';
  readonly changedAt: Date;
  readonly changedBy: string;
}

/** When an extension was last given a secret, to the minute. */
export interface SecretRead {
  readonly extension: ExtensionId;
  readonly name: string;
  readonly readAt: Date;
}

/** The one mapping from names of secrets to where they are kept. Every method may throw `E_STORAGE`. */
export interface SecretMappings {
  /** The mapping of a tenant comes before that of all tenants. `null`: the name is not mapped. */
  find(key: SecretKey): Promise<SecretMapping | null>;
  /** All of them, by name. */
  list(): Promise<SecretMapping[]>;
  /**
   * @param expected the version it has now, 0 for a new one; `null`: whichever
   * @returns false with the version there is, when that is another one
   */
  put(
    key: SecretKey,
    target: SecretTarget,
    change: { readonly expected: number | null; readonly by: string },
  ): Promise<{ readonly swapped: boolean; readonly version: number }>;
  /** `swapped` is false with version 0 when there is none. */
  remove(
    key: SecretKey,
    change: { readonly expected: number | null; readonly by: string },
  ): Promise<{ readonly swapped: boolean; readonly version: number }>;
  /** `null`: there is no such mapping. */
  rotate(key: SecretKey, by: string): Promise<SecretMapping | null>;
  /** Newest first. */
  changes(key: SecretKey, limit: number): Promise<SecretChange[]>;
  noteRead(extension: ExtensionId, name: string): Promise<void>;
  reads(): Promise<SecretRead[]>;
}

/** A Vault, or what speaks its protocol, that an owner connected the host with. */
export interface VaultConnection {
  /** Mappings call it `vault:<name>`. */
  readonly name: string;
  /** An origin: https, or http on this machine. */
  readonly url: string;
  /** Of the key-value engine: `secret`. */
  readonly mount: string;
  /** Of the key-value engine. */
  readonly kvVersion: 1 | 2;
  /** The shared secret, of the folder or the environment, that holds its token or the secret id of the AppRole. */
  readonly secret: string;
  /** Of the AppRole; `null`: the secret is a token. */
  readonly roleId: string | null;
}

/** Every method may throw `E_STORAGE`. */
export interface VaultConnections {
  /** `null`: nobody connected it. */
  find(name: string): Promise<VaultConnection | null>;
  list(): Promise<VaultConnection[]>;
  /** @throws `E_EXISTS` */
  add(connection: VaultConnection): Promise<void>;
  /** @throws `E_NOT_FOUND`; `E_STATE` while mappings lead to it */
  remove(name: string): Promise<void>;
}
