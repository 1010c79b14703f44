/**
 * Every error code MagFlock shows to anybody: operators, authors, scripts. A code is never renamed.
 * `status` is the HTTP status the code is answered with at the API; `meaning` is the reference text.
 */
export const CODES = {
  // Packages and trust (spec 02)
  E_PKG_INVALID: {
    status: 400,
    meaning: 'The archive is not a valid package: wrong format, forbidden entry or over a size limit.',
  },
  E_PKG_ROLLBACK: {
    status: 409,
    meaning: 'The version is older than the highest one ever installed; use rollback.',
  },
  E_PKG_EQUIVOCATION: { status: 409, meaning: 'The same version was seen before with another digest.' },
  E_MANIFEST_INVALID: { status: 400, meaning: 'The manifest does not match its schema.' },
  E_SIG_MISSING: { status: 400, meaning: 'The package came without a signature bundle.' },
  E_SIG_INVALID: { status: 400, meaning: 'The signature or its bundle is malformed or does not verify.' },
  E_SIG_SUBJECT: { status: 400, meaning: 'The signature is good but made for other bytes.' },
  E_SIG_UNTRUSTED: { status: 403, meaning: 'The trust policy has no entry for the publisher.' },
  E_SIG_IDENTITY: {
    status: 403,
    meaning: 'The signature is good but made by an identity the publisher is not trusted with, or not yet.',
  },
  E_SIG_REVOKED: {
    status: 403,
    meaning:
      'The signing key was removed from the trust policy or has expired, or a revocation list takes the package back.',
  },
  E_REVOCATION_LIST: {
    status: 422,
    meaning: 'A revocation list is malformed, badly signed, older than the one that is stored, or expired.',
  },
  E_SIG_REVIEWS: {
    status: 403,
    meaning: 'Fewer reviewers have approved the package than the trust policy asks for.',
  },
  E_SIG_PROVENANCE: {
    status: 403,
    meaning: 'No provenance came with the package that says what the trust policy asks for.',
  },
  // Registry and lifecycle (spec 06)
  E_UNSUPPORTED: { status: 422, meaning: 'The package asks for something this host does not offer.' },
  E_INCOMPATIBLE: { status: 422, meaning: 'The package needs another MagFlock version.' },
  E_DEPENDENCY: {
    status: 422,
    meaning: 'A dependency is missing, incompatible or circular; the detail names the path.',
  },
  E_EXPORT: { status: 403, meaning: 'The called extension exports no such method to the caller.' },
  E_CALLEE: {
    status: 502,
    meaning: 'The called extension failed, or met a limit of its own; its own logs say more.',
  },
  E_DEPENDENTS: { status: 409, meaning: 'Other extensions need this one.' },
  E_STATE: { status: 409, meaning: 'What was asked about is in a state that does not allow this operation.' },
  E_APPROVAL: {
    status: 422,
    meaning: 'The approval names a capability the manifest does not declare, or is missing.',
  },
  E_HEALTH: { status: 502, meaning: 'A health check failed.' },
  E_MIGRATION: { status: 422, meaning: 'A database migration failed and was undone.' },
  E_MIGRATION_CHANGED: { status: 409, meaning: 'A migration that already ran has another checksum now.' },
  E_CANCELLED: { status: 409, meaning: 'An operator cancelled the operation; what it had done was undone.' },
  E_OPERATION_INTERRUPTED: {
    status: 500,
    meaning: 'The host stopped in the middle of the operation; it was undone or completed at the next start.',
  },
  E_IRREVERSIBLE: {
    status: 409,
    meaning: 'Going back would have to reverse a migration that cannot be reversed; the detail names it.',
  },
  E_CONFIG_INVALID: { status: 400, meaning: 'The configuration does not match the schema of the manifest.' },
  // Registry folders (spec 02)
  E_REGISTRY: {
    status: 502,
    meaning: 'A registry cannot be read: not there, too slow, larger than it may be, or it leads elsewhere.',
  },
  E_REGISTRY_INDEX: { status: 502, meaning: 'The index of a registry is malformed, cut off or too large.' },
  E_REGISTRY_MISMATCH: {
    status: 502,
    meaning: 'What a registry serves is not what its index says of it; the detail names what differs.',
  },
  E_LOCK_MISMATCH: {
    status: 409,
    meaning: 'What would be installed differs from the lock file, or is not in it.',
  },
  // Capabilities (spec 03)
  E_CAP_UNDECLARED: {
    status: 403,
    meaning: 'The extension used a capability its manifest does not declare; it was terminated.',
  },
  E_CAP_REVOKED: { status: 403, meaning: 'The capability is declared but not granted, or was revoked.' },
  E_CAP_SCOPE: { status: 403, meaning: 'The capability is granted, but not for this resource.' },
  E_QUARANTINED: { status: 503, meaning: 'The extension is quarantined; an operator must enable it again.' },
  E_VETO: {
    status: 403,
    meaning:
      'An extension that guards this was against it, or gave no answer. Its own code is shown instead.',
  },
  // Sandbox (spec 07)
  E_PROTOCOL: {
    status: 502,
    meaning: 'The cell sent a malformed, oversized or unsolicited frame and was killed.',
  },
  E_CELL_LOST: { status: 502, meaning: 'The cell died while it worked on the call.' },
  E_LIMIT_CPU: { status: 503, meaning: 'The extension used more processor time than its budget.' },
  E_LIMIT_WALL: { status: 504, meaning: 'The extension did not answer within its deadline.' },
  E_LIMIT_MEMORY: { status: 503, meaning: 'The extension used more memory than its limit.' },
  E_LIMIT_OUTPUT: { status: 503, meaning: 'A result, argument or log line was larger than allowed.' },
  E_LIMIT_RATE: {
    status: 503,
    meaning: 'Too many host calls in a second, or too many of them or of streams at once.',
  },
  E_EXTENSION: { status: 500, meaning: 'The extension itself failed; its logs say more.' },
  // Database calls (spec 03)
  E_SQL_SYNTAX: { status: 400, meaning: 'The statement does not parse.' },
  E_SQL_FORBIDDEN: { status: 403, meaning: 'The statement is of a kind extensions may not run.' },
  E_DB: { status: 400, meaning: 'Postgres refused the statement; the detail carries its SQLSTATE.' },
  E_DB_TIMEOUT: {
    status: 504,
    meaning: 'The statement ran longer than its deadline, or waited too long for a lock, and was cancelled.',
  },
  // Projects and their databases (spec 04)
  E_EXISTS: { status: 409, meaning: 'There is one by that name already.' },
  E_BUSY: {
    status: 409,
    meaning: 'Something else is being done with the database or registry; ask again later.',
  },
  E_DB_PROFILE: {
    status: 422,
    meaning: 'The new database was to begin with an extension or a setting this host does not offer.',
  },
  E_DB_QUOTA: { status: 503, meaning: 'There are as many databases as there may be.' },
  E_BACKUP: {
    status: 502,
    meaning: 'pg_dump or pg_restore failed, or the backup is not what was made; the detail says why.',
  },
  E_BACKUP_TOOLS: {
    status: 503,
    meaning: 'No pg_dump and pg_restore that suit the server were found; the detail says what was.',
  },
  // Network and files (spec 03, spec 04)
  E_NET: { status: 502, meaning: 'The server could not be reached, or did not answer as HTTP asks for.' },
  E_NET_FORBIDDEN: {
    status: 403,
    meaning: 'The address, the scheme, the method or a header of the request is closed to extensions.',
  },
  E_LIMIT_EGRESS: {
    status: 503,
    meaning: 'The extension sent and received more over the network in a minute than its limit.',
  },
  E_FILE: {
    status: 503,
    meaning: 'The disk under files, of extensions or of mag, does not answer or is full.',
  },
  E_FILE_PATH: {
    status: 400,
    meaning: 'The path is malformed, or what lies there is of another kind than the call needs.',
  },
  E_FILE_QUOTA: { status: 503, meaning: 'The files of the extension are over their quota.' },
  // Jobs
  E_JOB_QUOTA: { status: 503, meaning: 'The extension has as many jobs or schedules waiting as it may.' },
  // Metrics, secrets and keys (spec 03, spec 04)
  E_METRIC_QUOTA: { status: 503, meaning: 'The custom metrics of the extension are over their quota.' },
  E_SECRET_MISSING: {
    status: 503,
    meaning: 'No secret is bound to the extension by that name, or what is bound cannot be used.',
  },
  E_KEY_UNKNOWN: {
    status: 404,
    meaning: 'The extension has no key by that name, or its file cannot be used.',
  },
  // Events (spec 05)
  E_EVENT_SCHEMA: {
    status: 400,
    meaning: 'The event does not match the schema of its type, or the type is unknown.',
  },
  E_EVENT_NAMESPACE: { status: 403, meaning: 'The event type is outside the namespace of the publisher.' },
  // State
  E_STATE_QUOTA: { status: 503, meaning: 'The durable state of the extension is over its quota.' },
  // Stores
  E_STORE_UNKNOWN: { status: 404, meaning: 'The host has no store by that name; the detail names it.' },
  E_STORE_UNAVAILABLE: {
    status: 503,
    meaning:
      'The store does not answer, or refuses the host. Nothing else stands in for it: try again later.',
  },
  // API
  E_AUTH_REQUIRED: { status: 401, meaning: 'No token, or one that is unknown, expired or revoked.' },
  E_FORBIDDEN: {
    status: 403,
    meaning: 'The principal may not do this, or the tenant differs from the one of the token.',
  },
  E_LOGIN_STATE: {
    status: 400,
    meaning: 'The login was not begun in this browser, or too long ago; begin it again.',
  },
  E_LOGIN_REPLAYED: { status: 403, meaning: 'The answer of the login provider was used before.' },
  E_LOGIN_EXPIRED: { status: 403, meaning: 'The answer of the login provider is too old, or not valid yet.' },
  E_LOGIN_SIGNATURE: {
    status: 403,
    meaning: 'The answer of the login provider is not signed as a whole by the key that is trusted.',
  },
  E_LOGIN_REFUSED: {
    status: 403,
    meaning:
      'The login was refused, by the provider, by its extension, or because its answer is for somebody else.',
  },
  E_LOGIN_PROVIDER: {
    status: 502,
    meaning: 'The login provider does not answer, or not as its protocol asks for.',
  },
  E_MEMBERSHIP: {
    status: 503,
    meaning:
      'An extension that says who is a member of the tenant gave no answer, or one that cannot be used. t_system is open.',
  },
  E_ROLE: { status: 403, meaning: 'Roles of the host are given and taken by an owner alone.' },
  E_WEBHOOK_SIGNATURE: {
    status: 403,
    meaning: 'The signature of the webhook is missing, wrong, or too old.',
  },
  E_WEBHOOK_SECRET: {
    status: 503,
    meaning: 'The secret that this webhook is verified with is not set; an operator has to set it.',
  },
  E_RATE_LIMITED: { status: 429, meaning: 'Too many requests in a minute; Retry-After says when to go on.' },
  E_BAD_REQUEST: { status: 400, meaning: 'The request is malformed.' },
  E_UPGRADE: { status: 426, meaning: 'The route speaks the WebSocket protocol only.' },
  E_NOT_FOUND: { status: 404, meaning: 'No such thing.' },
  E_NOT_ENABLED: { status: 503, meaning: 'The extension is installed but not enabled.' },
  E_PARAMS: { status: 400, meaning: 'The parameters of a host call do not match the call table.' },
  // Host
  E_CONFIG: { status: 500, meaning: 'The configuration of the host is wrong; the detail names the entry.' },
  E_UNSAFE_RUNTIME: { status: 500, meaning: 'The runtime is older than the version floor.' },
  E_STORAGE: { status: 503, meaning: 'The database of the host does not answer or refuses.' },
  E_FENCED: {
    status: 503,
    meaning: 'This host was silent for too long; another one took over, and it may write nothing any more.',
  },
  E_SHUTDOWN: { status: 503, meaning: 'The host is shutting down.' },
  E_AUDIT_BROKEN: { status: 500, meaning: 'The audit chain does not hold: a record was changed or removed.' },
  E_UNREACHABLE: { status: 503, meaning: 'The command line found no host at its URL, or lost it.' },
  E_USAGE: { status: 400, meaning: 'The command line was called in a way it does not understand.' },
  E_INTERNAL: { status: 500, meaning: 'A fault of MagFlock itself; the log carries the trace id.' },
} as const satisfies Record<string, { status: number; meaning: string }>;

/** One of the codes above. */
export type Code = keyof typeof CODES;

/** Whether a string from across a process boundary is one of our codes. */
export function isCode(value: unknown): value is Code {
  return typeof value === 'string' && Object.hasOwn(CODES, value);
}
