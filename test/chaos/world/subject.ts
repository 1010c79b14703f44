import type { Author, SignedPackage } from '../../support/author.ts';
import { serving } from '../../support/sources.ts';

export const ID = 'acme/subject';
const EVENT = 'acme.subject.said';

/** What each version has in its schema; the later one adds to it, and can take that back. */
export const TABLES = { '1.0.0': ['notes'], '1.1.0': ['notes', 'tags'] } as const;
export type Version = keyof typeof TABLES;
export const MIGRATIONS = { '1.0.0': ['0001_notes'], '1.1.0': ['0001_notes', '0002_tags'] } as const;

const SQL = {
  'migrations/0001_notes.up.sql': 'create table notes (id int primary key, line text);',
  'migrations/0001_notes.down.sql': 'drop table notes;',
};
const MORE_SQL = {
  'migrations/0002_tags.up.sql': 'create table tags (note int primary key);',
  'migrations/0002_tags.down.sql': 'drop table tags;',
};

/** An extension that leaves something everywhere an extension can: in rows, files, state and events. */
export function publishSubject(author: Author, version: Version): Promise<SignedPackage> {
  return author.publish({
    manifest: {
      ...serving('subject', ['GET /version', 'POST /note', 'GET /notes'], {
        capabilities: [
          { name: 'database.read', reason: 'Reads its notes.' },
          { name: 'database.write', reason: 'Writes its notes.' },
          { name: 'filesystem.write', reason: 'Keeps a file.' },
          { name: 'api.emit_events', reason: 'Says.' },
          { name: 'realtime.subscribe_events', reason: 'Hears itself.' },
        ],
        contributes: {
          events: { subscribes: [EVENT], publishes: [{ type: EVENT, schema: 'schemas/said.json' }] },
        },
      }),
      version,
      // A call waits for a cell that is started again: two seconds after the fourth death, and for its start.
      limits: { hostCallsPerSecond: 5_000, cpuMs: 2_000, wallMs: 30_000 },
      migrations: 'migrations',
    },
    files: {
      ...SQL,
      ...(version === '1.1.0' ? MORE_SQL : {}),
      'schemas/said.json': '{ "type": "object" }',
    },
    code: `export default {
      install: async (ctx) => { await ctx.files.write('installed.txt', 'yes'); await ctx.state.set('installed', true); },
      endpoints: {
        'GET /version': async () => ({ body: '${version}' }),
        'POST /note': async (request, ctx) => {
          await ctx.db.query('insert into notes (id) values ($1)', [request.body.id]);
          await ctx.events.publish('${EVENT}', { id: request.body.id });
          return { status: 204 };
        },
        'GET /notes': async (_request, ctx) => ({
          body: (await ctx.db.query('select id, line from notes order by id')).rows,
        }),
      },
      events: { '${EVENT}': async (event, ctx) => {
        await ctx.db.query("update notes set line = coalesce(line, '') || 'heard' where id = $1", [event.data.id]);
      } },
    };`,
  });
}
