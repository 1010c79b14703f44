import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { MagError } from '../../kernel/errors.ts';

/** A database that is gone when it is disposed of, whoever is still connected. */
export interface ScratchDatabase extends AsyncDisposable {
  readonly url: string;
}

/**
 * Creates an empty database beside the one an address names. What is in that one is not touched.
 * @throws `E_CONFIG` when the server is not there or its account may not create databases
 */
export async function createScratchDatabase(serverUrl: string): Promise<ScratchDatabase> {
  // Whose it is shows in its name, should this process be killed before it can remove it.
  const name = `mag_dev_${process.pid}_${randomBytes(8).toString('hex')}`;
  const address = parse(serverUrl);
  address.pathname = `/${name}`;
  await run(serverUrl, `CREATE DATABASE ${name}`);
  return {
    url: address.href,
    [Symbol.asyncDispose]: () => run(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

function parse(url: string): URL {
  if (URL.canParse(url)) return new URL(url);
  throw new MagError('E_CONFIG', 'the address of the database is no URL like postgres://user@localhost/name');
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {}); // a connection that breaks fails its statement
  try {
    await client.connect();
    await client.query(sql);
  } catch (cause) {
    throw new MagError('E_CONFIG', 'the server of the database is not there, or refuses a database', {
      cause,
    });
  } finally {
    await client.end();
  }
}
