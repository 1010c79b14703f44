/** What a pool of connections is here; the kernel knows no database. */
interface ConnectionPool {
  on(event: 'connect', listener: (connection: Connection) => void): unknown;
}

interface Connection {
  on(event: 'error', listener: () => void): unknown;
}

/**
 * A connection that breaks while it is in use fails its query, which is where it is dealt with: the event that nobody
 * listens to would end the process.
 */
export function survivingBreaks(pool: ConnectionPool): void {
  pool.on('connect', (connection) => connection.on('error', () => undefined));
}
