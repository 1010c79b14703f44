import type { Addition } from './addition.ts';
import type { Naming } from './naming.ts';

/** The schema of the event it publishes. */
export const GREETED = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'greetings'],
  properties: { name: { type: 'string' }, greetings: { type: 'integer', minimum: 1 } },
};

export function greetingManifest(naming: Naming, more: Addition): object {
  return {
    manifestVersion: 1,
    kind: 'extension',
    id: naming.id,
    version: '1.0.0',
    displayName: naming.displayName,
    description: 'Greets people by name and counts how often.',
    license: 'MIT',
    engines: { magflock: '^1.0.0' },
    entry: 'dist/index.js',
    capabilities: [
      { name: 'api.register_endpoint', reason: 'Serves the greeting.' },
      { name: 'database.read', reason: 'Asks the database for its time.' },
      { name: 'api.emit_events', reason: 'Tells others about each greeting.' },
      ...(more.capabilities ?? []),
    ],
    contributes: {
      endpoints: [
        { method: 'GET', path: '/greet/:name', auth: 'user' },
        { method: 'GET', path: '/now', auth: 'user' },
        ...(more.endpoints ?? []),
      ],
      events: {
        ...(more.subscribes ? { subscribes: more.subscribes } : {}),
        publishes: [{ type: naming.greeted, schema: 'schemas/greeted.json' }],
      },
      ...more.contributes,
    },
  };
}

export function greetingSource(naming: Naming, more: Addition): string {
  const error = more.memberSource?.includes('ExtensionError') === true ? ', ExtensionError' : '';
  return `import { type Context, defineExtension${error} } from '@magflock/sdk';

/** Counts in the durable state. Nobody's greeting is lost when two arrive at once. */
async function countGreeting(ctx: Context, name: string): Promise<number> {
  const key = \`greetings/\${name}\`;
  for (;;) {
    ctx.signal.throwIfAborted();
    const { value, version } = await ctx.state.getVersioned<number>(key);
    const greetings = (value ?? 0) + 1;
    const { swapped } = await ctx.state.compareAndSet(key, greetings, version);
    if (swapped) return greetings;
  }
}

export default defineExtension({
  health() {
    return { healthy: true };
  },

  endpoints: {
    'GET /greet/:name': async (request, ctx) => {
      const { name } = request.params;
      const greetings = await countGreeting(ctx, name);
      await ctx.events.publish('${naming.greeted}', { name, greetings });
      return { status: 200, body: { hello: name, greetings } };
    },

    // Needs database.read: without the grant it is answered with 403, and the greeting still works.
    'GET /now': async (_request, ctx) => {
      const row = await ctx.db.queryOne<{ now: string }>('select now()::text as now');
      return { status: 200, body: { now: row?.now ?? null } };
    },
${more.endpointSource ?? ''}  },
${more.memberSource ?? ''}});
`;
}

export function unitTestSource(naming: Naming, more: Addition): string {
  return `import { createRecordingContext, createRequest } from '@magflock/sdk/testing';
import { expect, it } from 'vitest';
import extension from '../src/index.ts';

it('greets, counts, and tells others', async () => {
  const ctx = createRecordingContext();
  const request = createRequest({ params: { name: 'Ada' } });
  await extension.endpoints['GET /greet/:name'](request, ctx);
  const answer = await extension.endpoints['GET /greet/:name'](request, ctx);
  expect(answer).toEqual({ status: 200, body: { hello: 'Ada', greetings: 2 } });
  expect(ctx.calls.at(-1)).toEqual({
    name: 'events.publish',
    args: ['${naming.greeted}', { name: 'Ada', greetings: 2 }, {}],
  });
});
${more.unitTest ?? ''}`;
}

export function sandboxTestSource(naming: Naming, more: Addition): string {
  return `import { startTestHost, type TestHost } from '@magflock/sdk/harness';
import { afterAll, beforeAll, expect, it } from 'vitest';

let host: TestHost;

beforeAll(async () => {
  host = await startTestHost();
});
afterAll(() => host?.close());

it('greets, and the greeting is an event', async () => {
  const answer = await host.call('GET /greet/Ada');
  expect(answer).toMatchObject({ status: 200, body: { hello: 'Ada', greetings: 1 } });
  const [event] = await host.events('${naming.greeted}');
  expect(event?.data).toEqual({ name: 'Ada', greetings: 1 });
});

it('goes on greeting when an operator takes the database away', async () => {
  expect((await host.call('GET /now')).body.now).toMatch(/^\\d{4}-/);
  await host.revoke('database.read');
  expect(await host.call('GET /now')).toMatchObject({ status: 403, body: { code: 'E_CAP_REVOKED' } });
  expect((await host.call('GET /greet/Ada')).status).toBe(200);
});
${more.sandboxTest ?? ''}`;
}
