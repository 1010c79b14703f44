import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';
import { uuidV7 } from '../../support/uuid-v7.ts';
import { mag, temporaryFolder } from '../cli/mag-process.ts';

const ID = 'acme/diary';
const TYPE = 'acme.diary.noted';

/** Writes down what it hears; what is marked `bad` it cannot handle until it is told to. */
const DIARY = {
  manifest: serving('diary', ['POST /note', 'GET /heard', 'POST /mend'], {
    capabilities: [
      { name: 'api.emit_events', reason: 'Notes.' },
      { name: 'realtime.subscribe_events', reason: 'Hears itself.' },
    ],
    contributes: {
      events: { subscribes: [TYPE], publishes: [{ type: TYPE, schema: 'schemas/noted.json' }] },
    },
  }),
  files: {
    'schemas/noted.json':
      '{ "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } } }',
  },
  code: `export default {
    endpoints: {
      'POST /note': async (request, ctx) => {
        await ctx.events.publish('${TYPE}', request.body);
        return { status: 204 };
      },
      'GET /heard': async (_request, ctx) => ({ body: (await ctx.state.get('heard')) ?? [] }),
      'POST /mend': async (_request, ctx) => { await ctx.state.set('mended', true); return { status: 204 }; },
    },
    events: { '${TYPE}': async (event, ctx) => {
      if (event.data.bad && !(await ctx.state.get('mended'))) throw new Error('cannot read that');
      const heard = (await ctx.state.get('heard')) ?? [];
      await ctx.state.set('heard', [...heard, { n: event.data.n, replay: event.replay === true }]);
    } },
  };`,
};

describe('events', () => {
  let host: TestHost;
  let author: Author;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
    await host.run(await author.publish(DIARY));
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const note = async (body: object) =>
    expect((await host.ask('POST', `/x/${ID}/note`, { body })).status).toBe(204);
  const heard = async () =>
    (await host.ask('GET', `/x/${ID}/heard`)).body as { n: number; replay: boolean }[];
  const heardAtLeast = (count: number) => until(heard, ({ length }) => length >= count);
  const subscription = async () => (await host.ask('GET', '/v1/subscriptions')).body.subscriptions[0];
  const run = async (...args: string[]) => {
    await using folder = await temporaryFolder();
    return await mag(args, { cwd: folder.path, env: { MAG_URL: host.url, MAG_TOKEN: host.token } });
  };

  it('show how far behind a subscription is', async () => {
    for (const n of [1, 2, 3]) await note({ n });
    await heardAtLeast(3);
    const shown = await until(subscription, ({ lag }) => lag === 0);
    expect(shown).toMatchObject({
      extension: ID,
      type: TYPE,
      component: 'extension',
      deadLetters: 0,
      replays: [],
      sinceStart: { delivered: 3, retries: 0 },
    });
    const { body } = await host.ask('GET', '/metrics');
    expect(body).toContain(`magflock_subscription_lag{extension="${ID}",type="${TYPE}"} 0`);
    expect(body).toContain(`magflock_subscription_delivered{extension="${ID}",type="${TYPE}"} 3`);
    const status = await run('status');
    expect(status.stdout).toContain(TYPE);
  });

  it('are delivered once more, marked, from a sequence, an id or a time on', async () => {
    const { id } = await subscription();
    const { body } = await host.ask('GET', `/v1/events?type=${TYPE}`);
    const [third, second] = body.events;
    const replay = async (from: object) => {
      const before = (await heard()).length;
      const { status, body } = await host.ask('POST', `/v1/subscriptions/${id}/replay`, { body: from });
      expect({ status, body }).toMatchObject({ status: 202 });
      return before;
    };
    const bySequence = await replay({ sequence: second.sequence });
    expect((await heardAtLeast(bySequence + 2)).slice(bySequence)).toEqual([
      { n: 2, replay: true },
      { n: 3, replay: true },
    ]);
    const byId = await replay({ eventId: third.event_id });
    expect((await heardAtLeast(byId + 1)).slice(byId)).toEqual([{ n: 3, replay: true }]);
    const byTime = await replay({ time: new Date(Date.now() - 3_600_000).toISOString() });
    expect((await heardAtLeast(byTime + 3)).slice(byTime).map(({ n }) => n)).toEqual([1, 2, 3]);
    await until(subscription, ({ replays }) => replays.length === 0);
  });

  it('refuse a replay of nothing', async () => {
    const { id } = await subscription();
    const refused = async (path: string, body: object) =>
      (await host.ask('POST', `/v1/subscriptions/${path}/replay`, { body })).body.code;
    expect(await refused(uuidV7(), { sequence: 1 })).toBe('E_NOT_FOUND');
    expect(await refused(id, { eventId: uuidV7() })).toBe('E_NOT_FOUND');
    expect(await refused(id, {})).toBe('E_BAD_REQUEST');
    expect(await refused(id, { sequence: 1, time: new Date().toISOString() })).toBe('E_BAD_REQUEST');
  });

  it('are replayed from the command line', async () => {
    const before = (await heard()).length;
    const replayed = await run('event:replay', ID, '--from', '1');
    expect({ code: replayed.exitCode, stderr: replayed.stderr }).toEqual({ code: 0, stderr: '' });
    await heardAtLeast(before + 3);
    expect((await run('event:replay', ID, '--from', 'yesterday')).exitCode).toBe(2);
    expect((await run('event:replay', 'acme/nobody', '--from', '1')).stderr).toContain('E_NOT_FOUND');
    expect((await run('event:subscriptions')).stdout).toContain(ID);
  });

  it('that cannot be handled become dead letters, which are delivered once more or given up', async () => {
    const event = { event_id: uuidV7(), event_type: TYPE, data: { n: 13, bad: true } };
    // Eight attempts take minutes: the letter is put where the last of them would.
    await host.database.pool.query(
      `INSERT INTO mag.dead_letters (extension, type, event, attempts, error_code, error_detail)
       SELECT $1, $2, json_build_object('event_id', $3::text, 'event_type', $2::text, 'schema_version', 1,
         'timestamp', now(), 'source', json_build_object('component', 'extension', 'extension', $1::text),
         'sequence', 99, 'data', $4::json, 'context', '{}'::json, 'capabilities_required', '[]'::json),
         8, 'E_EXTENSION', 'cannot read that' FROM generate_series(1, 2)`,
      [ID, TYPE, event.event_id, JSON.stringify(event.data)],
    );
    const { body } = await host.ask('GET', `/v1/dead-letters?extension=${ID}`);
    expect(body.deadLetters).toHaveLength(2);
    const [second, first] = body.deadLetters;
    expect((await subscription()).deadLetters).toBe(2);

    const failed = await host.ask('POST', `/v1/dead-letters/${first.id}/redrive`);
    expect([failed.status, failed.body.code]).toEqual([500, 'E_EXTENSION']);
    expect((await subscription()).deadLetters).toBe(2);

    expect((await host.ask('POST', `/x/${ID}/mend`)).status).toBe(204);
    const seeing = `/v1/extensions/${ID}/grants/realtime.subscribe_events`;
    await host.ask('DELETE', seeing);
    const withheld = await host.ask('POST', `/v1/dead-letters/${first.id}/redrive`);
    expect([withheld.status, withheld.body.code]).toEqual([409, 'E_STATE']);
    expect((await subscription()).deadLetters).toBe(2); // it was not delivered, and is not lost
    await host.ask('PUT', seeing, { body: {} });
    const redriven = await run('dead-letter:redrive', first.id);
    expect({ code: redriven.exitCode, stderr: redriven.stderr }).toEqual({ code: 0, stderr: '' });
    expect((await heard()).at(-1)).toEqual({ n: 13, replay: false });
    expect((await run('dead-letter:list')).stdout).toContain(second.id);
    expect((await run('dead-letter:purge', second.id, '--yes')).exitCode).toBe(0);
    expect((await host.ask('GET', '/v1/dead-letters')).body.deadLetters).toEqual([]);
    expect((await run('dead-letter:redrive', '4711')).stderr).toContain('E_NOT_FOUND');
  });

  it('come and go as CloudEvents 1.0', async () => {
    const id = uuidV7();
    const structured = {
      specversion: '1.0',
      id,
      source: '/elsewhere',
      type: TYPE,
      datacontenttype: 'application/json',
      data: { n: 21 },
    };
    const send = (headers: Record<string, string>, body: unknown) =>
      fetch(`${host.url}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${host.token}`, ...headers },
        body: JSON.stringify(body),
      });
    const accepted = await send({ 'content-type': 'application/cloudevents+json' }, structured);
    expect([accepted.status, await accepted.json()]).toEqual([201, expect.objectContaining({ eventId: id })]);
    const binary = { 'ce-specversion': '1.0', 'ce-id': uuidV7(), 'ce-source': '/elsewhere', 'ce-type': TYPE };
    expect((await send({ 'content-type': 'application/json', ...binary }, { n: 22 })).status).toBe(201);
    const { 'ce-type': _, ...untyped } = binary;
    const refused = await send({ 'content-type': 'application/json', ...untyped }, { n: 23 });
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
      400,
      'E_BAD_REQUEST',
    ]);
    const wrong = await send(
      { 'content-type': 'application/cloudevents+json' },
      { ...structured, id: uuidV7(), data: {} },
    );
    expect(((await wrong.json()) as { code: string }).code).toBe('E_EVENT_SCHEMA');

    const { body } = await host.ask('GET', `/v1/events?type=${TYPE}&format=cloudevents&limit=1`);
    expect(body.events[0]).toMatchObject({
      specversion: '1.0',
      id: binary['ce-id'],
      source: '/magflock/extension',
      type: TYPE,
      datacontenttype: 'application/json',
      data: { n: 22 },
      sequence: expect.stringMatching(/^\d+$/),
      tenantid: 't_system',
    });
    const batch = await host.ask('GET', `/v1/events?type=${TYPE}&limit=2`, {
      headers: { accept: 'application/cloudevents-batch+json' },
    });
    expect(batch.headers.get('content-type')).toContain('application/cloudevents-batch+json');
    expect(batch.body.map((event: { id: string }) => event.id)).toEqual([binary['ce-id'], id]);
  });

  it('are only heard while every right that they take is held, replays among them', async () => {
    const created = 'database.created'; // which takes database.read besides
    const listener = await author.publish({
      manifest: serving('listener', ['GET /heard'], {
        capabilities: ['realtime.subscribe_events', 'database.read'].map((name) => ({
          name,
          reason: 'Listens.',
        })),
        contributes: { events: { subscribes: [TYPE, created] } },
      }),
      // A key for each: two subscriptions are served at the same time, and would overwrite each other's list.
      code: `const hear = (name) => async (event, ctx) => { await ctx.state.set(event.event_id, name(event.data)); };
        export default {
          endpoints: { 'GET /heard': async (_request, ctx) => ({ body: (await ctx.state.list()).map(({ value }) => value) }) },
          events: { '${TYPE}': hear(({ n }) => 'noted ' + n), '${created}': hear(({ database }) => 'made ' + database) },
        };`,
    });
    const theirs = async (): Promise<{ id: string; type: string; lag: number; replays: unknown[] }[]> =>
      (await host.ask('GET', '/v1/subscriptions')).body.subscriptions.filter(
        ({ extension }: { extension: string }) => extension === 'acme/listener',
      );
    const types = async () => (await theirs()).map(({ type }) => type).sort();
    const grant = async (capability: string, body: object | null) => {
      const path = `/v1/extensions/acme/listener/grants/${capability}`;
      const { status } = await host.ask(
        body === null ? 'DELETE' : 'PUT',
        path,
        body === null ? {} : { body },
      );
      expect(status).toBeLessThan(300);
    };
    const both = async (n: number) => {
      await note({ n });
      const body = { type: created, data: { project: 'p', database: `d${n}` } };
      expect((await host.ask('POST', '/v1/events', { body })).status).toBe(201);
    };
    /** What it heard when it is past everything: what is withheld is passed, too. */
    const heardBy = async (): Promise<string[]> => {
      await until(theirs, (all) => all.every(({ lag, replays }) => lag === 0 && replays.length === 0));
      return (await host.ask('GET', '/x/acme/listener/heard')).body.toSorted();
    };

    await host.run(listener, ['api.register_endpoint']);
    expect(await types()).toEqual([]);
    await grant('realtime.subscribe_events', {});
    expect(await types()).toEqual([TYPE]);
    await both(31);
    expect(await heardBy()).toEqual(['noted 31']);
    await grant('database.read', {});
    expect(await types()).toEqual([TYPE, created]);
    await both(32);
    expect(await heardBy()).toEqual(['made d32', 'noted 31', 'noted 32']);
    await grant('database.read', null);
    await both(33);
    const before = ['made d32', 'noted 31', 'noted 32', 'noted 33'];
    expect(await heardBy()).toEqual(before);
    const { id } = (await theirs()).find(({ type }) => type === created) ?? { id: '' };
    expect((await host.ask('POST', `/v1/subscriptions/${id}/replay`, { body: { sequence: 1 } })).status).toBe(
      202,
    );
    expect(await heardBy()).toEqual(before);
    await grant('database.read', {});
    await grant('realtime.subscribe_events', { scope: { types: [created] } });
    await both(34);
    expect(await heardBy()).toEqual(['made d32', 'made d34', ...before.slice(1)]);
    await grant('realtime.subscribe_events', null);
    await both(35);
    expect(await heardBy()).toEqual(['made d32', 'made d34', ...before.slice(1)]);
  });
});
