import type { ExtensionDetail } from '../../../kernel/operator.ts';
import { NO_CONTRIBUTIONS } from '../../../manifests/manifest/contributions.ts';
import type { ExtensionId, Manifest } from '../../../manifests/manifest/manifest.ts';

/** An enabled extension with one of its two capabilities granted. */
export function detailOf(id: ExtensionId): ExtensionDetail {
  const at = new Date('2026-11-20T10:00:00Z');
  const digest = `sha256:${'0'.repeat(64)}`;
  const [publisher = ''] = id.split('/');
  return {
    record: {
      id,
      state: 'enabled',
      version: '1.2.0',
      digest,
      highestVersion: '1.2.0',
      config: { greeting: 'Hello' },
      reason: null,
      updatedAt: at,
    },
    state: 'enabled',
    manifest: manifestOf(id),
    members: [],
    kept: [{ id, version: '1.1.0', digest, replacedAt: at }],
    versions: [
      {
        digest,
        id,
        version: '1.2.0',
        publisher,
        tier: 'verified',
        signedBy: 'acme-2026',
        sizeBytes: 1_024,
        stagedAt: at,
      },
    ],
    grants: [
      {
        extension: id,
        capability: 'api.register_endpoint',
        scope: null,
        grantedBy: 'token:1',
        grantedAt: at,
        uses: 5,
        lastUsedAt: at,
      },
    ],
    operations: [],
    limits: { cpuMs: 400, wallMs: 5_000, memoryMb: 64, hostCallsPerSecond: 500, egressKbPerMinute: 10_240 },
    stats: {
      pid: 4242,
      restarts: 1,
      calls: 10,
      errors: 2,
      cpuMs: 30,
      heapBytes: 1_000,
      recycled: 3,
      hostCalls: 7,
      refused: { E_LIMIT_RATE: 4 },
      droppedLogs: 5,
      hostMs: 12,
    },
    used: { total: { egressSentBytes: 900 }, sinceCheck: { egressSentBytes: 40 } },
    warnings: ['the secret TRANSLATE_KEY is missing'],
  };
}

function manifestOf(id: ExtensionId): Manifest {
  return {
    manifestVersion: 1,
    kind: 'extension',
    id,
    version: '1.2.0',
    displayName: 'Hello',
    description: 'Greets people.',
    license: 'Apache-2.0',
    engines: { magflock: '^1.0.0' },
    entry: 'dist/index.js',
    dependencies: { 'acme/base': '^1.0.0' },
    capabilities: [
      { name: 'api.register_endpoint', reason: 'Serves the greeting.' },
      { name: 'database.read', reason: 'Looks the user up.', scope: { tables: ['public.users'] } },
    ],
    contributes: {
      ...NO_CONTRIBUTIONS,
      endpoints: [{ method: 'GET', path: '/greet/:name', auth: 'user', version: 1 }],
      versions: [{ version: 1 }],
      events: {
        ...NO_CONTRIBUTIONS.events,
        publishes: [{ type: 'acme.hello.greeted', schema: 'schemas/greeted.json' }],
      },
    },
    limits: { cpuMs: 500, wallMs: 5_000, memoryMb: 64, hostCallsPerSecond: 500, egressKbPerMinute: 10_240 },
    secrets: [],
    health: { intervalSeconds: 60 },
    isolation: { process: 'dedicated', jit: true },
  };
}
