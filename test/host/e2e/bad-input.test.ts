import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestHost } from '../../support/host.ts';

let host: TestHost;

beforeAll(async () => {
  host = await TestHost.start();
});
afterAll(() => host[Symbol.asyncDispose]());

/** Well-formed by their schemas, and still nothing that a database can look for. */
it.each([
  '/v1/events?component=%00',
  '/v1/events?after=ffffffff-ffff-7fff-bfff-ffffffffffff',
  '/v1/dead-letters?extension=%00',
  '/v1/audit?action=%00',
  '/v1/audit?after=99999999999999999999',
])('GET %s is a mistake of who asks, not of the database', async (path) => {
  const { status, body } = await host.ask('GET', path);
  expect({ status, code: body.code }).toEqual({ status: 400, code: 'E_BAD_REQUEST' });
});
