import type pg from 'pg';

/** What connections of a host say who they are by: who takes over ends them by this name. */
export function applicationName(hostId: string): string {
  return `magflock ${hostId}`;
}

/**
 * Settings of a pool that serves a host only until another one takes over: each connection asks first, and
 * those that were open are ended by whoever takes over.
 */
export function admitted(hostId: string): Pick<pg.PoolConfig, 'application_name' | 'onConnect'> {
  return {
    application_name: applicationName(hostId),
    onConnect: async (client) => {
      await client.query('SELECT mag.admit_host($1)', [hostId]);
    },
  };
}
