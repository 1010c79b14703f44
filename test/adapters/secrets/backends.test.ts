import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEnvironmentSecrets } from '../../../adapters/secrets/environment-secrets.ts';
import { SecretFolder } from '../../../adapters/secrets/index.ts';
import { describeSecretBackend } from './backend-contract.ts';

const value = 'geheim';

describeSecretBackend('environment', async () => ({
  value,
  backend: createEnvironmentSecrets(new Map([['SHARED', value]])),
  [Symbol.asyncDispose]: async () => undefined,
}));

describeSecretBackend('folder', async () => {
  const home = await mkdtemp(join(tmpdir(), 'magflock-secrets-'));
  const backend = new SecretFolder(join(home, 'secrets'));
  await backend.set({ name: 'SHARED', extension: null }, Buffer.from(value));
  return { value, backend, [Symbol.asyncDispose]: () => rm(home, { recursive: true }) };
});
