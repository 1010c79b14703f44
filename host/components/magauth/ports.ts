/** An API token as it is known to the host. Its text is not part of it: only a hash is stored. */
export interface TokenRecord {
  readonly id: string;
  /** What its maker called it. */
  readonly name: string;
  /** `owner`, `operator`, `auditor`, `author`, or a role that only endpoints of extensions ask for. */
  readonly role: string;
  readonly tenantId: string;
  readonly createdAt: Date;
  /** `null`: never. */
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

export interface NewToken {
  readonly name: string;
  readonly role: string;
  readonly tenantId: string;
  readonly expiresAt?: Date;
}

/** API tokens, durable. Every method may throw `E_STORAGE`. */
export interface TokenStore {
  /** `token` is the text a client sends; it cannot be read again. */
  create(token: NewToken): Promise<{ id: string; token: string }>;
  /** `null` when the token is unknown, expired or revoked. */
  authenticate(token: string): Promise<TokenRecord | null>;
  /** Revoked ones included. */
  list(): Promise<TokenRecord[]>;
  /** False if there was nothing to revoke. */
  revoke(id: string): Promise<boolean>;
}
