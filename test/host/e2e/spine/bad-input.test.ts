import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstParty } from '../../../support/first-party.ts';
import { TestHost } from '../../../support/host.ts';

const at = (name: string) => `/x/magflock/${name}`;
const [TENANCY, MODES, ROUTING, SECRETS, FLAGS] = ['tenancy', 'modes', 'routing', 'secrets', 'flags'].map(
  at,
) as [string, string, string, string, string];
/** What no text of Postgres can hold. */
const [NUL, HALF] = ['a\0b', '\ud800'];
const ANY = { 'if-match': '*' };
/** Of an ETag, and no integer of Postgres. */
const TOO_HIGH = { 'if-match': '"2147483648"' };
const NEW = { 'if-none-match': '*' };

type Headers = Record<string, string>;
const REQUESTS: readonly [method: string, path: string, body?: unknown, headers?: Headers][] = [
  ['GET', `${TENANCY}/tenants?cursor=%00`],
  ['GET', `${TENANCY}/tenants?status=%00`],
  ['GET', `${TENANCY}/tenants/t_a/memberships?roles=%00`],
  ['POST', `${TENANCY}/tenants`, { id: 't_x', name: NUL }],
  ['POST', `${TENANCY}/tenants`, { id: 't_x', name: HALF }],
  ['POST', `${TENANCY}/tenants`, { id: 't_x', name: 'X', settings: { deep: [{ [NUL]: 1 }] } }],
  ['POST', `${TENANCY}/tenants`, { id: 't_x', name: 'X', settings: { half: HALF } }],
  ['PATCH', `${TENANCY}/tenants/t_a`, { name: 'X' }, TOO_HIGH],
  ['DELETE', `${TENANCY}/tenants/t_a`, undefined, TOO_HIGH],
  ['POST', `${TENANCY}/users`, { id: 'user:x', name: 'X', email: NUL }],
  ['GET', `${MODES}/modes?cursor=%00`],
  ['GET', `${MODES}/attachments?cursor=%00`],
  ['GET', `${MODES}/attachments?mode=%00`],
  ['POST', `${MODES}/modes`, { id: 'x', name: NUL }],
  ['POST', `${MODES}/modes`, { id: 'x', name: 'X', entitlements: { half: HALF } }],
  ['PATCH', `${MODES}/modes/lab`, { name: 'X' }, TOO_HIGH],
  ['PUT', `${MODES}/tenants/t_a/mode`, { mode: NUL }, ANY],
  ['GET', `${ROUTING}/entries?tenant=%00`],
  ['GET', `${ROUTING}/entries?kind=%00`],
  ['GET', `${ROUTING}/entries?after=%00`],
  ['GET', `${ROUTING}/entries/${'-'.repeat(36)}`],
  ['PUT', `${ROUTING}/entries/${'0'.repeat(36)}`, { store: 'postgres' }],
  ['POST', `${ROUTING}/entries`, { tenant: 't_a', kind: 'kpi', store: NUL }],
  ['POST', `${ROUTING}/resolve`, { tenant: 't_a', kind: NUL }],
  ['GET', `${SECRETS}/secrets?limit=0`],
  ['GET', `${SECRETS}/secrets/NONE`],
  ['PUT', `${SECRETS}/secrets/PAY_KEY`, { backend: 'nowhere', ref: 'PAY_KEY' }, NEW],
  ['PUT', `${SECRETS}/secrets/PAY_KEY`, { backend: 'environment', ref: NUL }, NEW],
  ['PUT', `${SECRETS}/secrets/PAY_KEY?tenant=%00`, { backend: 'environment', ref: 'PAY_KEY' }, NEW],
  ['PUT', `${SECRETS}/secrets/PAY_KEY`, { backend: 'environment', ref: 'PAY_KEY' }],
  ['PUT', `${SECRETS}/secrets/PAY_KEY`, 'text', NEW],
  ['DELETE', `${SECRETS}/secrets/PAY_KEY`, undefined, { 'if-match': '"9"' }],
  ['POST', `${SECRETS}/secrets/no-name/rotations`],
  ['POST', `${FLAGS}/flags`, { key: NUL, type: 'boolean' }],
  ['POST', `${FLAGS}/flags`, { key: 'x', type: 'boolean', description: HALF }],
  ['PATCH', `${FLAGS}/flags/none`, { enabled: false }, TOO_HIGH],
  ['GET', `${FLAGS}/flags?app=%00`],
];

describe('what nobody can make sense of', () => {
  let host: TestHost;

  beforeAll(async () => {
    host = await TestHost.start();
    for (const name of ['tenancy', 'modes', 'routing', 'secrets', 'flags'])
      await host.run(await firstParty(name));
    const body = { id: 't_a', name: 'A' };
    expect((await host.ask('POST', `${TENANCY}/tenants`, { body })).status).toBe(201);
  });
  afterAll(() => host[Symbol.asyncDispose]());

  it.each(REQUESTS)('is refused in words: %s %s %j %j', async (method, path, body, headers = {}) => {
    const answer = await host.ask(method, path, { headers, ...(body === undefined ? {} : { body }) });
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    // The extension says what is wrong; a code of the host would be about how it is made.
    expect(answer.body).toMatchObject({
      type: expect.stringMatching(/^urn:magflock:(tenancy|modes|routing|secrets|flags):/),
      title: expect.any(String),
      status: answer.status,
      code: expect.stringMatching(/^(?!E_)[A-Z_]+$/),
      detail: expect.stringMatching(/\S/),
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });
});
