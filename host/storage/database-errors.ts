import { MagError } from '../../kernel/errors.ts';

const UNIQUE_VIOLATION = '23505';
/** What `mag.admit_host` raises. */
const FENCED = 'MF001';
/** SQLSTATE classes that say: this content, not this server. */
const CONTENT_CLASSES = ['22', '23', '54'];

/** A value that no column of its kind can hold: a text with NUL, a number or a time that is too large. */
const DATA_CLASS = '22';
const DISK_FULL = '53100';

/** Any error of `pg` as one of ours, its text kept inside: it may show SQL. */
export function storageError(cause: unknown): MagError {
  if (cause instanceof MagError) return cause;
  if (sqlStateOf(cause)?.startsWith(DATA_CLASS))
    return new MagError('E_BAD_REQUEST', 'A value is none that the database can hold.', { cause });
  if (sqlStateOf(cause) === FENCED)
    return new MagError('E_FENCED', 'Another host took over from this one.', { cause });
  if (sqlStateOf(cause) === DISK_FULL)
    return new MagError('E_STORAGE', 'The disk of the database is full.', { cause });
  const refused = sqlStateOf(cause) !== undefined && !isConnectionState(sqlStateOf(cause));
  const message = refused
    ? 'The database of the host refused a statement.'
    : 'The database of the host does not answer.';
  return new MagError('E_STORAGE', message, { cause });
}

/** The SQLSTATE of an error of `pg`, or of one that carries it as its cause. */
export function sqlStateOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code)) {
    return error.code;
  }
  return error.cause === undefined ? undefined : sqlStateOf(error.cause);
}

/** The name of the unique constraint or index that a statement ran into. */
export function violatedUnique(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (!('code' in error) || error.code !== UNIQUE_VIOLATION) {
    return error.cause === undefined ? undefined : violatedUnique(error.cause);
  }
  return 'constraint' in error && typeof error.constraint === 'string' ? error.constraint : '';
}

/** True when the server would refuse the same values again, and takes others. */
export function isContentError(error: unknown): boolean {
  return CONTENT_CLASSES.includes(sqlStateOf(error)?.slice(0, 2) ?? '');
}

/** Why a first connection failed, for the operator who wrote the URL. Never shows the URL. */
export function connectionComplaint(cause: unknown): string {
  const state = sqlStateOf(cause);
  if (state?.startsWith('28')) return 'DATABASE_URL: Postgres refuses the user or the password.';
  if (state === '3D000') return 'DATABASE_URL: Postgres has no database by that name.';
  if (state?.startsWith('53')) return 'DATABASE_URL: Postgres has no connection or memory left.';
  if (state === '57P03') return 'DATABASE_URL: Postgres is starting or stopping.';
  if (state !== undefined) return `DATABASE_URL: Postgres refuses the connection (${state}).`;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'DATABASE_URL: its host name is unknown.';
  return typeof code === 'string'
    ? `DATABASE_URL: no Postgres answers there (${code}).`
    : 'DATABASE_URL: no Postgres answers there.';
}

function isConnectionState(state: string | undefined): boolean {
  return state !== undefined && (state.startsWith('08') || state.startsWith('53') || state.startsWith('57P'));
}

/** The server's refusal of a value as an error of who gave it. */
export function refuseContent(error: unknown): never {
  if (!isContentError(error)) throw error;
  throw new MagError('E_PARAMS', 'The database cannot hold this value.', { cause: error });
}
