import type { SecretsAdapter, VaultConnections, WantedSecret } from '../adapters/secrets/index.ts';
import type { Operator } from '../kernel/operator.ts';
import type { SecretAdmin } from './api/services.ts';

/** The secrets of this host, and the stores of others that it is connected with. */
export function createSecretAdmin(
  secrets: Pick<SecretsAdapter, 'list'>,
  operator: Pick<Operator, 'list'>,
  connections: VaultConnections,
): SecretAdmin {
  return {
    list: async () => secrets.list(await wantedSecrets(operator)),
    backends: () => connections.list(),
    addBackend: (connection) => connections.add(connection),
    removeBackend: (name) => connections.remove(name),
  };
}

/** What the extensions known to this host want. */
export async function wantedSecrets(operator: Pick<Operator, 'list'>): Promise<WantedSecret[]> {
  const known = (await operator.list()).filter(({ record }) => record.state !== 'uninstalled');
  return known.flatMap(({ manifest }): WantedSecret[] =>
    manifest.kind === 'bundle'
      ? []
      : manifest.secrets.map(({ name, reason }) => ({ extension: manifest.id, name, reason })),
  );
}
