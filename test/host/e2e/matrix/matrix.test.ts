import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { HostCalls } from '../../../../kernel/host-calls.ts';
import { type CapabilityName, capabilityRow } from '../../../../manifests/catalog/index.ts';
import { CALLS, type CallName } from '../../../../manifests/protocol/calls.ts';
import { Author } from '../../../support/author.ts';
import { TestHost } from '../../../support/host.ts';
import { runMag } from '../../../support/mag-in-process.ts';
import { serving } from '../../../support/sources.ts';
import { OTHERS, SAMPLES, type Sample, SCOPES } from './samples.ts';

/*
 * Every host call, in a real cell on a real host, against every state that its capability can be in. The cells
 * are generated from the call table and the catalogue; nothing is left out by name.
 */

const CALL_NAMES = Object.keys(CALLS) as CallName[];
const ROWS: Readonly<Record<string, Sample>> = { ...SAMPLES, ...OTHERS };
const ROW_NAMES = Object.keys(ROWS);
const rowOf = (name: string): Sample => {
  const row = ROWS[name];
  if (row === undefined) throw new Error(`no row ${name}`);
  return row;
};
/** Each row is a call or several on a real host: on a busy machine they take minutes. */
const PATIENCE_MS = 300_000;
/** So many calls outside of a scope an extension may try in a minute before it is quarantined, and one less. */
const TRIES = 4;

/** The call of a row, and what was answered since somebody looked: a sample is to make its call, and no other one. */
const callOf = (name: string): CallName => OTHERS[name]?.call ?? (name as CallName);
const answered = new Set<string>();
const { dispatch } = HostCalls.prototype;
const watching = vi.spyOn(HostCalls.prototype, 'dispatch');

let host: TestHost;
let author: Author;
let server: Server;
let origin: string;
/** What both mounts are of. */
let lent: string;
/** The id of a user. */
let somebody: string;

beforeAll(async () => {
  watching.mockImplementation(async function (this: HostCalls, ...asked) {
    const result = await dispatch.apply(this, asked);
    answered.add(asked[1]);
    return result;
  });
  lent = await mkdtemp(join(tmpdir(), 'magflock-lent-'));
  const mounts = `matrix=${lent},other=${lent}`;
  [host, author] = await Promise.all([TestHost.start({ MAG_MOUNTS: mounts }), Author.create('acme')]);
  server = createServer((_request, response) => void response.end('fine')).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await host.trust(author);
  await host.run(await author.publish(CALLEE));
  somebody = (await host.ask('POST', '/v1/users', { body: { name: 'Somebody' } })).body.id;
  await host.database.pool.query('CREATE TABLE public.matrix (id int); CREATE TABLE public.other (id int)');
});

afterAll(async () => {
  watching.mockRestore();
  server.close();
  await host.ask('DELETE', '/v1/projects/default/databases/matrix');
  await host[Symbol.asyncDispose]();
  await author[Symbol.asyncDispose]();
  await rm(lent, { recursive: true });
});

const scoped = (capability: CapabilityName) => Object.keys(capabilityRow(capability).scope).length > 0;
const takers = ROW_NAMES.filter((name) => rowOf(name).takes !== null);

const SECRETS = ['MATRIX', 'OTHER'].map((name) => ({ name, reason: 'Is in the matrix.' }));

/** What the others depend on. */
const CALLEE = {
  manifest: { ...serving('callee', []), contributes: { exports: [{ name: 'answer' }] } },
  code: `export default { exports: { answer: () => 42 } };`,
};

/** Serves each call at `POST /<call>`, declaring these capabilities. */
async function install(name: string, capabilities: readonly CapabilityName[], approve: readonly string[]) {
  const scopes = SCOPES(origin, `acme/${name}`);
  const event = `acme.${name}.happened`;
  const holds = (capability: CapabilityName) => capabilities.includes(capability);
  const events = { publishes: [{ type: event, schema: 'schemas/any.json' }] };
  const contributes = {
    ...(holds('api.emit_events') ? { events } : {}),
    ...(holds('system.background_jobs') ? { jobs: [{ name: 'work' }] } : {}),
    ...(holds('realtime.register_channel') ? { channels: [{ name: 'room' }] } : {}),
  };
  const handlers = ROW_NAMES.map(
    (row) =>
      `'POST /${row}': async (_request, ctx) => { await ${rowOf(row).use}; return { body: 'done' }; },`,
  );
  const signed = await author.publish({
    manifest: serving(
      name,
      ROW_NAMES.map((row) => `POST /${row}`),
      {
        contributes,
        ...(holds('system.secrets') ? { secrets: SECRETS } : {}),
        dependencies: { 'acme/callee': '^1.0.0' },
        capabilities: [...new Set(capabilities)].map((capability) => ({
          name: capability,
          reason: 'Is in the matrix.',
          ...(scoped(capability) ? { scope: widest(scopes[capability]) } : {}),
        })),
      },
    ),
    files: { 'schemas/any.json': '{ "type": "object" }' },
    code: `const EVENT = '${event}'; const ORIGIN = '${origin}';
      const SOMEBODY = 'user:${somebody}';
      const NOBODY = '00000000-0000-7000-8000-000000000000';
      export default { jobs: { work: () => {} }, channels: { room: {} }, endpoints: { ${handlers.join('\n')} } };`,
  });
  await host.run(signed, ['api.register_endpoint', ...approve]);
  if (holds('system.keys')) {
    const { status } = await host.ask('POST', `/v1/extensions/acme/${name}/keys`, { body: { name: 'main' } });
    expect(status).toBe(201);
  }
  if (holds('system.secrets')) {
    const env = { MAG_URL: host.url, MAG_DATA_DIR: host.dataDir };
    const set = ['secret:set', 'MATRIX', '--extension', `acme/${name}`];
    const { exitCode } = await runMag(set, { env, cwd: host.dataDir, stdin: 'a value' });
    expect(exitCode).toBe(0);
  }
}

/** Both scopes: what is declared covers whatever the matrix grants. */
function widest(scopes: ReturnType<typeof SCOPES>[CapabilityName]) {
  if (scopes === undefined) throw new Error('a capability that needs a scope has no row in SCOPES');
  const { inside, outside } = scopes;
  return Object.fromEntries(
    Object.keys(inside).map((key) => [key, [...(inside[key] ?? []), ...(outside[key] ?? [])]]),
  );
}

async function use(name: string, row: string): Promise<string> {
  answered.clear();
  const { status, body } = await host.ask('POST', `/x/acme/${name}/${row}`);
  if (status !== 200) return body.code;
  return answered.has(callOf(row)) ? 'done' : `done without ${callOf(row)}`;
}

async function grant(name: string, capability: CapabilityName, side: 'inside' | 'outside' = 'inside') {
  const scope = SCOPES(origin, `acme/${name}`)[capability]?.[side];
  const path = `/v1/extensions/acme/${name}/grants/${capability}`;
  const { status } = await host.ask('PUT', path, { body: scope === undefined ? {} : { scope } });
  expect(status).toBeLessThan(300);
}

describe('what is there', () => {
  it('is a sample for each call, of a capability that its row asks for', () => {
    for (const name of CALL_NAMES) {
      const { needs } = CALLS[name];
      const { takes } = SAMPLES[name];
      if (needs === 'none') expect([name, takes]).toEqual([name, null]);
      else expect('capability' in needs ? [needs.capability] : needs.anyOf).toContain(takes);
    }
    for (const { call, takes } of Object.values(OTHERS))
      expect(CALLS[call].needs).toMatchObject({ anyOf: expect.arrayContaining([takes]) });
  });

  it('is an inside and an outside for each capability in it that has a scope', () => {
    const taken = new Set(takers.map((name) => rowOf(name).takes as CapabilityName).filter(scoped));
    expect(Object.keys(SCOPES(origin, '')).sort()).toEqual([...taken].sort());
  });
});

describe('what nobody needs a capability for', () => {
  const free = CALL_NAMES.filter((name) => SAMPLES[name].takes === null);

  it('is done for who holds nothing else', async () => {
    const beside = free.flatMap((name) => SAMPLES[name].beside ?? []);
    await install('free', beside, beside);
    for (const name of free) expect([name, await use('free', name)]).toEqual([name, 'done']);
  });
});

describe('what was not declared', () => {
  it(
    'ends the extension, each time',
    async () => {
      const besides = new Map(
        takers.map((name) => [(rowOf(name).beside ?? []).join(), rowOf(name).beside ?? []]),
      );
      let number = 0;
      for (const [key, beside] of besides) {
        const id = `undeclared${number++}`;
        await install(id, beside, beside);
        for (const name of takers.filter((row) => (rowOf(row).beside ?? []).join() === key)) {
          expect([name, await use(id, name)]).toEqual([name, 'E_CAP_UNDECLARED']);
          expect([name, (await host.show(`acme/${id}`)).state]).toEqual([name, 'quarantined']);
          expect((await host.operate(`acme/${id}`, 'enable')).body.state).toBe('succeeded');
        }
      }
    },
    PATIENCE_MS,
  );
});

describe('what is declared', () => {
  const capabilities = Object.values(ROWS)
    .flatMap(({ takes, beside = [] }) => [takes, ...beside])
    .filter((capability) => capability !== null);

  it(
    'is refused before it is granted, done then, and refused after it is revoked',
    async () => {
      await install('all', capabilities, []);
      for (const name of takers) {
        const { takes, beside = [] } = rowOf(name);
        if (takes === null) continue;
        for (const capability of beside) await grant('all', capability);
        const seen = [await use('all', name)];
        await grant('all', takes);
        seen.push(await use('all', name));
        for (const capability of [takes, ...beside])
          await host.ask('DELETE', `/v1/extensions/acme/all/grants/${capability}`);
        seen.push(await use('all', name));
        expect([name, ...seen]).toEqual([name, 'E_CAP_REVOKED', 'done', 'E_CAP_REVOKED']);
      }
      expect((await host.show('acme/all')).state).toBe('enabled');
    },
    PATIENCE_MS,
  );

  it(
    'is refused outside of its scope, and the extension lives',
    async () => {
      const narrow = takers.filter((name) => scoped(rowOf(name).takes as CapabilityName));
      for (let from = 0; from < narrow.length; from += TRIES) {
        const id = `narrow${from}`;
        await install(id, capabilities, []);
        for (const name of narrow.slice(from, from + TRIES)) {
          const { takes, beside = [] } = rowOf(name);
          if (takes === null) continue;
          for (const capability of beside) await grant(id, capability);
          await grant(id, takes, 'outside');
          expect([name, await use(id, name)]).toEqual([name, 'E_CAP_SCOPE']);
          await host.ask('DELETE', `/v1/extensions/acme/${id}/grants/${takes}`);
        }
        expect((await host.show(`acme/${id}`)).state).toBe('enabled');
      }
    },
    PATIENCE_MS,
  );
});
