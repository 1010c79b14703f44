import { expect, it } from 'vitest';
import { strayCells } from '../../sandbox/world/cell-processes.ts';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const ID = 'acme/hearing';
const EVENT = 'acme.hearing.said';

it('the old version serves on, and no cell is left, when the subscriptions of the new one cannot be stored', async () => {
  await using author = await Author.create('acme');
  await using host = await TestHost.start();
  await host.trust(author);
  const publish = (version: string, subscribes: readonly string[]) =>
    author.publish({
      manifest: {
        ...serving('hearing', ['GET /version'], {
          capabilities: [
            { name: 'realtime.subscribe_events', reason: 'Hears.' },
            { name: 'api.emit_events', reason: 'Says.' },
          ],
          contributes: {
            events: {
              subscribes: [...subscribes],
              publishes: [{ type: EVENT, schema: 'schemas/said.json' }],
            },
          },
        }),
        version,
      },
      files: { 'schemas/said.json': '{ "type": "object" }' },
      code: `export default {
        endpoints: { 'GET /version': async () => ({ body: '${version}' }) },
        events: { ${subscribes.map((type) => `'${type}': async () => {}`)} },
      };`,
    });
  await host.run(await publish('1.0.0', []));
  const pid: number = (await host.show(ID)).health.process.pid;
  await host.database.pool.query(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$;
     CREATE TRIGGER refuse BEFORE INSERT ON mag.subscriptions FOR EACH ROW EXECUTE FUNCTION refuse();`,
  );

  const next = await publish('1.1.0', [EVENT]);
  await host.stage(next);
  const { body } = await host.operate(ID, 'upgrade', { version: next.version });
  expect(body).toMatchObject({ state: 'rolled_back', error: { code: 'E_STORAGE' } });
  expect((await host.ask('GET', `/x/${ID}/version`)).body).toBe('1.0.0');
  expect((await host.show(ID)).health.process.pid).toBe(pid);
  expect(
    await until(
      () => strayCells(new Set([pid])),
      ({ length }) => length === 0,
    ),
  ).toEqual([]);
});

it('a subscription goes on, when the storage is away as an upgrade that ended it is undone', async () => {
  await using author = await Author.create('acme');
  await using host = await TestHost.start();
  await host.trust(author);
  const other = 'acme.hearing.whispered';
  const publish = (version: string, subscribes: readonly string[]) =>
    author.publish({
      manifest: {
        ...serving('hearing', ['POST /say', 'GET /heard'], {
          capabilities: [
            { name: 'realtime.subscribe_events', reason: 'Hears.' },
            { name: 'api.emit_events', reason: 'Says.' },
          ],
          contributes: {
            events: {
              subscribes: [...subscribes],
              publishes: [EVENT, other].map((type) => ({ type, schema: 'schemas/said.json' })),
            },
          },
        }),
        version,
      },
      files: { 'schemas/said.json': '{ "type": "object" }' },
      code: `const note = (event, ctx) => ctx.state.set(event.event_type, event.data.number);
        export default {
          endpoints: {
            'POST /say': async ({ body }, ctx) => {
              for (const type of ['${EVENT}', '${other}']) await ctx.events.publish(type, body);
              return { status: 204 };
            },
            'GET /heard': async (_request, ctx) =>
              ({ body: await Promise.all(['${EVENT}', '${other}'].map((type) => ctx.state.get(type))) }),
          },
          events: { ${subscribes.map((type) => `'${type}': note`)} },
        };`,
    });
  const hears = async (number: number) => {
    await host.ask('POST', `/x/${ID}/say`, { body: { number } });
    const heard = async () => (await host.ask('GET', `/x/${ID}/heard`)).body;
    return until(heard, (numbers) => numbers.every((each: number) => each === number));
  };
  await host.run(await publish('1.0.0', [EVENT, other]));
  expect(await hears(1)).toEqual([1, 1]);
  // The switch is not recorded, and what it ended is not begun again.
  await host.database.pool.query(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$;
     CREATE TRIGGER refuse BEFORE UPDATE ON mag.extensions FOR EACH ROW
       WHEN (NEW.version = '1.1.0') EXECUTE FUNCTION refuse();
     CREATE TRIGGER refuse BEFORE INSERT ON mag.subscriptions FOR EACH ROW
       WHEN (NEW.type = '${other}') EXECUTE FUNCTION refuse();`,
  );
  const next = await publish('1.1.0', [EVENT]);
  await host.stage(next);
  const { body } = await host.operate(ID, 'upgrade', { version: next.version });
  expect(body).toMatchObject({ state: 'rolled_back', error: { code: 'E_OPERATION_INTERRUPTED' } });
  await host.database.pool.query('DROP FUNCTION refuse() CASCADE');
  expect(await hears(2)).toEqual([2, 2]);
});
