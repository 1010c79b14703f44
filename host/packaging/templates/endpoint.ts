import type { Naming } from './naming.ts';

/** What a template is made of: the manifest as JSON, and the source of `src/index.ts`. */
export interface TemplateFiles {
  readonly manifest: object;
  readonly source: string;
}

export function endpointFiles(naming: Naming): TemplateFiles {
  return { manifest: endpointManifest(naming), source: endpointSource(naming) };
}

/** What the other templates add to this one. */
export interface Additions {
  readonly capabilities?: readonly object[];
  readonly endpoints?: readonly object[];
  readonly hooks?: readonly object[];
  readonly subscribes?: readonly string[];
}

export function endpointManifest(naming: Naming, more: Additions = {}): object {
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
      ...(more.hooks ? { hooks: more.hooks } : {}),
      events: {
        ...(more.subscribes ? { subscribes: more.subscribes } : {}),
        publishes: [{ type: naming.greeted, schema: 'schemas/greeted.json' }],
      },
    },
  };
}

/** @param more members of the definition that another template adds, each line indented by two */
export function endpointSource(naming: Naming, more: { endpoints?: string; members?: string } = {}): string {
  return `import { type Context, defineExtension } from '#sdk';

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
      const name = request.params.name ?? 'stranger';
      const greetings = await countGreeting(ctx, name);
      await ctx.events.publish('${naming.greeted}', { name, greetings });
      return { status: 200, body: { hello: name, greetings } };
    },

    // Needs database.read: without the grant it is answered with 403, and the greeting still works.
    'GET /now': async (_request, ctx) => {
      const row = await ctx.db.queryOne<{ now: string }>('select now()::text as now');
      return { status: 200, body: { now: row?.now ?? null } };
    },
${more.endpoints ?? ''}  },
${more.members ?? ''}});
`;
}
