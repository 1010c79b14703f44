import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessTable } from '../../../host/api/access.ts';
import { type Answer, TestHost } from '../../support/host.ts';

/** They change nothing that an operator answers for, or are put on record as what they are, in tests of their own. */
const OF_OTHERS = [
  'POST /auth/login/:publisher/:name/:provider',
  'POST /auth/saml/:publisher/:name/:provider/acs',
  'POST /auth/logout',
  'POST /v1/ui/:publisher/:name/:frame/call',
  'POST /v1/formats/:publisher/:name/:format',
  'POST /v1/resolutions',
];
const ROUTES = accessTable()
  .map(([route]) => route)
  .filter((route) => !route.startsWith('GET ') && !OF_OTHERS.includes(route));

const EXTENSION = '/v1/extensions/:publisher/:name';
const PROJECT = '/v1/projects/:project';
const publicKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString();
const upload = new FormData();
upload.append('package', new Blob(['no package']), 'a.mag');

/** What a route takes; of what is not here, nothing. */
const BODIES: Readonly<Record<string, unknown>> = {
  'POST /v1/extensions': upload,
  [`POST ${EXTENSION}/install`]: { version: '1.0.0', approve: 'all' },
  [`POST ${EXTENSION}/upgrade`]: { version: '1.0.0' },
  [`POST ${EXTENSION}/keys`]: { name: 'receipts' },
  'POST /v1/events': { type: 'extension.enabled', data: { extension: 'acme/nobody', version: '1.0.0' } },
  'POST /v1/subscriptions/:id/replay': { sequence: 1 },
  'POST /v1/projects': { id: 'made' },
  [`POST ${PROJECT}/databases`]: { name: 'd' },
  [`POST ${PROJECT}/migrations`]: { database: 'd', name: '0001_a', sql: 'select 1' },
  [`POST ${PROJECT}/policies`]: { database: 'd', table: 'public.t', name: 'p', using: 'true' },
  [`POST ${PROJECT}/restore-points`]: { name: 'before' },
  'POST /v1/tokens': { name: 'ci', role: 'auditor' },
  'POST /v1/users': { name: 'Ada' },
  'PUT /v1/roles/:role': { description: 'Does things.', permissions: ['acme/nobody:do'] },
  'POST /v1/trust': { publisher: 'globex', publicKey, tier: 'verified' },
  'PUT /v1/trust/:publisher/requirements': { reviews: 1 },
  'POST /v1/revocations': { list: '{}', bundle: '{}' },
  'POST /v1/revocation-issuers': { issuer: 'globex', publicKey },
  'POST /v1/reviewers': { reviewer: 'alice', publicKey },
  'POST /v1/registries': { name: 'ours', location: 'https://registry.example' },
  'POST /v1/stores': { name: 'far', url: 'http://no-redis.example' },
  'POST /v1/secret-backends': { name: 'vault', url: 'https://vault.example', secret: 'TOKEN' },
};

/** What there is none of, by the name of the parameter. */
const ABSENT: Readonly<Record<string, string>> = {
  publisher: 'acme',
  name: 'nobody',
  capability: 'database.read',
  id: '01890000-0000-7000-8000-000000000000',
  job: '01890000-0000-7000-8000-000000000000',
  tenant: 't_none',
};

function pathOf(pattern: string): string {
  const id = pattern.includes('/users/')
    ? '0123456789abcdef'
    : pattern.includes('letters/')
      ? '1'
      : ABSENT.id;
  const absent: Readonly<Record<string, string | undefined>> = { ...ABSENT, id };
  return pattern.replaceAll(/:(\w+)/g, (_, name) => absent[name] ?? 'nothing');
}

describe('every call of the control API that changes something', () => {
  let host: TestHost;
  beforeAll(async () => {
    host = await TestHost.start();
  });
  afterAll(() => host[Symbol.asyncDispose]());

  const newest = async () => (await host.ask('GET', '/v1/audit?limit=1')).body.records[0];

  async function recordOf(route: string): Promise<{ answer: Answer; record: unknown }> {
    const before = await newest();
    const [method = '', pattern = ''] = route.split(' ');
    const answer = await host.ask(method, pathOf(pattern), { body: BODIES[route] ?? {} });
    const record = await newest();
    return { answer, record: record?.sequence === before?.sequence ? null : record };
  }

  it.each(ROUTES)('is on record, done or refused: %s', async (route) => {
    const { answer, record } = await recordOf(route);
    const what = { status: answer.status, code: answer.body.code, detail: answer.body.detail };
    expect({ ...what, record }).toMatchObject({
      record: {
        principal: expect.stringMatching(/^token:/),
        tenant: 't_system',
        action: expect.stringMatching(/^[a-z_]+(\.[a-z_]+)+$/),
        target: expect.stringMatching(/./),
        outcome: answer.status < 300 ? 'ok' : answer.status < 500 ? 'refused' : 'failed',
      },
    });
  });
});
