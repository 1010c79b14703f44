import pg from 'pg';

/** Runs one statement on a connection of its own: CREATE and DROP DATABASE want no transaction. */
export async function onServer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end();
  }
}
