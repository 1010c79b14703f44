import type { Author, SignedPackage } from '../support/author.ts';
import { serving } from '../support/sources.ts';

export const ID = 'acme/journal';
export const EVENT = 'acme.journal.said';
/** Hears the same events, at its own pace. */
export const OTHER_ID = 'acme/chronicle';

const CAPABILITIES = [
  { name: 'database.read', reason: 'Reads its journal.' },
  { name: 'database.write', reason: 'Writes its journal.' },
  { name: 'realtime.subscribe_events', reason: 'Hears what is said.' },
];
const FILES = {
  'migrations/0001_heard.up.sql':
    'create table heard (place bigserial primary key, id text not null, sequence bigint not null, replay boolean not null);',
  'migrations/0001_heard.down.sql': 'drop table heard;',
};
const HEARS = `events: { '${EVENT}': async (event, ctx) => {
  await ctx.db.query('insert into heard (id, sequence, replay) values ($1, $2, $3)', [
    event.data.id, event.sequence, event.replay === true,
  ]);
} },`;
const LIMITS = { hostCallsPerSecond: 5_000, cpuMs: 2_000, wallMs: 30_000 };

/** Publishes what it is told, and writes down everything it hears, in the order it hears it. */
export function publishJournal(author: Author): Promise<SignedPackage> {
  return author.publish({
    manifest: {
      ...serving('journal', ['POST /say', 'GET /ok'], {
        capabilities: [...CAPABILITIES, { name: 'api.emit_events', reason: 'Says.' }],
        contributes: {
          events: { subscribes: [EVENT], publishes: [{ type: EVENT, schema: 'schemas/said.json' }] },
        },
        limits: LIMITS,
      }),
      migrations: 'migrations',
    },
    files: {
      ...FILES,
      'schemas/said.json':
        '{ "type": "object", "required": ["id"], "properties": { "id": { "type": "string" } } }',
    },
    code: `export default {
      endpoints: {
        'POST /say': async (request, ctx) => {
          const { sequence } = await ctx.events.publish('${EVENT}', { id: request.body.id });
          return { body: { sequence } };
        },
        'GET /ok': async () => ({ body: 'fine' }),
      },
      ${HEARS}
    };`,
  });
}

/** Writes down what the other one says. */
export function publishChronicle(author: Author): Promise<SignedPackage> {
  return author.publish({
    manifest: {
      ...serving('chronicle', ['GET /ok'], {
        capabilities: CAPABILITIES,
        contributes: { events: { subscribes: [EVENT], publishes: [] } },
        limits: LIMITS,
      }),
      migrations: 'migrations',
    },
    files: FILES,
    code: `export default { endpoints: { 'GET /ok': async () => ({ body: 'fine' }) }, ${HEARS} };`,
  });
}
