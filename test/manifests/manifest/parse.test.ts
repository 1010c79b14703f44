import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManifestError } from '../../../manifests/manifest/manifest-error.ts';
import { manifestId, parseManifest } from '../../../manifests/manifest/parse.ts';
import { unsupported } from '../../../manifests/manifest/unsupported.ts';

const minimal = {
  manifestVersion: 1,
  kind: 'extension',
  id: 'acme/hello',
  version: '1.2.0',
  displayName: 'Hello',
  description: 'Greets people.',
  license: 'Apache-2.0',
  engines: { magflock: '^1.0.0' },
  entry: 'dist/index.js',
};

const full = {
  ...minimal,
  dependencies: { 'acme/base': '^1.0.0' },
  capabilities: [
    { name: 'api.register_endpoint', reason: 'r' },
    { name: 'api.intercept_request', reason: 'r', scope: { paths: ['/x/acme'] } },
    { name: 'network.inbound', reason: 'r' },
    { name: 'database.read', reason: 'r', scope: { tables: ['public.users'] } },
    { name: 'api.emit_events', reason: 'r' },
    { name: 'realtime.subscribe_events', reason: 'r' },
  ],
  contributes: {
    endpoints: [
      { method: 'GET', path: '/greet/:name' },
      { method: 'POST', path: '/webhook', auth: 'none' },
    ],
    hooks: [{ hook: 'maggate.wrap_request' }],
    events: {
      subscribes: ['database.query.executed'],
      publishes: [{ type: 'acme.hello.greeted', schema: 'schemas/greeted.json' }],
    },
    jobs: [],
    panels: [],
  },
  config: { type: 'object', properties: { greeting: { type: 'string', default: 'Hello' } } },
  secrets: [],
  migrations: 'migrations',
  limits: { cpuMs: 100, egressKbPerMinute: 5 },
};

function codeOfParsing(json: unknown): string | undefined {
  try {
    parseManifest(json);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(ManifestError);
    return error instanceof ManifestError ? error.code : undefined;
  }
}

function problemsOf(json: unknown): readonly string[] {
  try {
    parseManifest(json);
    return [];
  } catch (error) {
    if (error instanceof ManifestError) return error.problems;
    throw error;
  }
}

const capability = (name: string, scope?: object) => ({ name, reason: 'r', ...(scope ? { scope } : {}) });

describe('parseManifest', () => {
  it.each([
    'https://api.example.com',
    'http://127.0.0.1:8080',
    'http://[::1]:1',
    'https://xn--bcher-kva.example',
  ])('takes the origin %s', (origin) => {
    const scope = { origins: [origin], methods: ['GET', 'M-SEARCH'] };
    expect(
      codeOfParsing({ ...minimal, capabilities: [capability('network.outbound', scope)] }),
    ).toBeUndefined();
  });

  it('fills the defaults in', () => {
    expect(parseManifest(minimal)).toEqual({
      ...minimal,
      dependencies: {},
      capabilities: [],
      contributes: { endpoints: [], hooks: [], events: { subscribes: [], publishes: [] } },
      limits: {
        cpuMs: 500,
        wallMs: 5000,
        memoryMb: 64,
        hostCallsPerSecond: 500,
        egressKbPerMinute: 10_240,
      },
      health: { intervalSeconds: 60 },
      isolation: { process: 'dedicated', jit: true },
    });
  });

  it('keeps what the manifest says, drops what this host has no use for, and leaves its input alone', () => {
    const before = structuredClone(full);
    const manifest = parseManifest(full);
    expect(full).toEqual(before);
    expect(manifest).toMatchObject({
      dependencies: full.dependencies,
      capabilities: full.capabilities,
      config: full.config,
      migrations: 'migrations',
    });
    expect(manifest.limits).toEqual({
      cpuMs: 100,
      wallMs: 5000,
      memoryMb: 64,
      hostCallsPerSecond: 500,
      egressKbPerMinute: 5,
    });
    expect(manifest.contributes.endpoints.map(({ auth }) => auth)).toEqual(['user', 'none']);
    expect(manifest.contributes.hooks).toEqual([{ hook: 'maggate.wrap_request', order: 100 }]);
    expect(Object.keys(manifest.contributes)).toEqual(['endpoints', 'hooks', 'events']);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['a text', 'x'],
    ['nothing', {}],
    ['an unknown member', { ...minimal, main: 'x' }],
    ['a member of the language', JSON.parse(JSON.stringify(minimal).replace('{', '{"__proto__":{},'))],
    ['another manifest version', { ...minimal, manifestVersion: 2 }],
    ['another kind', { ...minimal, kind: 'theme' }],
    ['an id with capitals', { ...minimal, id: 'Acme/hello' }],
    ['an id of one part', { ...minimal, id: 'hello' }],
    ['an id of three parts', { ...minimal, id: 'acme/hello/x' }],
    ['an id that climbs', { ...minimal, id: 'acme/..' }],
    ['an id with a line break', { ...minimal, id: 'acme/hello\n' }],
    ['a version that is none', { ...minimal, version: '1.2' }],
    ['a version with a v', { ...minimal, version: 'v1.2.0' }],
    ['a range that is none', { ...minimal, engines: { magflock: 'newest' } }],
    ['an entry outside', { ...minimal, entry: '../index.js' }],
    ['an absolute entry', { ...minimal, entry: '/index.js' }],
    ['a dependency that is no id', { ...minimal, dependencies: { base: '^1.0.0' } }],
    ['itself as a dependency', { ...minimal, dependencies: { 'acme/hello': '^1.0.0' } }],
    ['a capability without a reason', { ...minimal, capabilities: [{ name: 'database.read' }] }],
    ['a limit over the maximum', { ...minimal, limits: { memoryMb: 4096 } }],
    ['a config that is no schema', { ...minimal, config: { type: 'things' } }],
    ['a config that can hang the host', { ...minimal, config: { properties: { a: { pattern: '(a+)+$' } } } }],
  ])('refuses %s', (_what, json) => {
    expect(codeOfParsing(json)).toBe('E_MANIFEST_INVALID');
  });

  it('names every problem by its place', () => {
    const places = problemsOf({ ...minimal, version: 'x', limits: { cpuMs: 0 }, nonsense: 1 });
    for (const place of ['/version', '/limits/cpuMs', 'nonsense']) {
      expect(places.some((problem) => problem.includes(place))).toBe(true);
    }
  });

  it.each<[string, object]>([
    [
      'a scope the capability does not have',
      { capabilities: [capability('database.read', { files: ['x'] })] },
    ],
    ['a scope for what has none', { capabilities: [capability('network.inbound', { tables: ['x'] })] }],
    ['a scope of the language', { capabilities: [capability('database.read', { constructor: ['x'] })] }],
    ['no scope where one is needed', { capabilities: [capability('database.schema')] }],
    ['a capability twice', { capabilities: [capability('database.read'), capability('database.read')] }],
    ['an endpoint without its capability', { contributes: { endpoints: [{ method: 'GET', path: '/a' }] } }],
    [
      'an open endpoint without its capability',
      {
        capabilities: [capability('api.register_endpoint')],
        contributes: { endpoints: [{ method: 'GET', path: '/a', auth: 'none' }] },
      },
    ],
    [
      'the same route twice',
      {
        capabilities: [capability('api.register_endpoint')],
        contributes: {
          endpoints: [
            { method: 'GET', path: '/a/:id' },
            { method: 'GET', path: '/a/:name' },
          ],
        },
      },
    ],
    ['a hook without its capability', { contributes: { hooks: [{ hook: 'maggate.wrap_request' }] } }],
    [
      'a hook twice',
      {
        capabilities: [capability('api.intercept_request')],
        contributes: {
          hooks: [{ hook: 'maggate.wrap_request' }, { hook: 'maggate.wrap_request', order: 1 }],
        },
      },
    ],
    ['a subscription without its capability', { contributes: { events: { subscribes: ['a.b'] } } }],
    [
      'an event without its capability',
      { contributes: { events: { publishes: [{ type: 'acme.hello.x', schema: 'schemas/x.json' }] } } },
    ],
    ['an event of another extension', publishing('acme.other.x')],
    ['an event of a name that only begins alike', publishing('acme.hello-world.x')],
    ['an event of the host', { id: 'auth/permission', ...publishing('auth.permission.denied') }],
    ['an event twice', publishing('acme.hello.x', 'acme.hello.x')],
    ['the network without origins', { capabilities: [capability('network.outbound')] }],
    ['the network by method only', { capabilities: [capability('network.outbound', { methods: ['GET'] })] }],
    ...[
      '*',
      'https://*.example.com',
      'https://*',
      'api.example.com',
      'https://api.example.com/',
      'https://api.example.com:443',
      'https://API.example.com',
      'https://bücher.example',
      'https://user@api.example.com',
      'http://2130706433',
      'ftp://api.example.com',
      'null',
    ].map((origin): [string, object] => [
      `the origin ${origin}`,
      { capabilities: [capability('network.outbound', { origins: [origin] })] },
    ]),
    [
      'a method in small letters',
      {
        capabilities: [capability('network.outbound', { origins: ['https://a.example'], methods: ['get'] })],
      },
    ],
  ])('refuses %s', (_what, part) => {
    expect(codeOfParsing({ ...minimal, ...part })).toBe('E_MANIFEST_INVALID');
  });

  it.each<[string, object, string]>([
    ['a bundle', { kind: 'bundle', extensions: {} }, 'bundle'],
    ['a capability', { capabilities: [capability('system.keys')] }, 'system.keys'],
    ['a capability of the language', { capabilities: [capability('constructor.name')] }, 'constructor.name'],
    ['a hook', { contributes: { hooks: [{ hook: 'magds.before_query' }] } }, 'magds.before_query'],
    ['jobs', { contributes: { jobs: [{ name: 'digest', maxAttempts: 5 }] } }, 'jobs'],
    ['schedules', { contributes: { schedules: [{ name: 'nightly', cron: '0 3 * * *' }] } }, 'schedules'],
    ['commands', { contributes: { commands: [{ name: 'greet' }] } }, 'commands'],
    ['channels', { contributes: { channels: [{ name: 'greetings' }] } }, 'channels'],
    ['widgets', { contributes: { widgets: [{ name: 'w' }] } }, 'widgets'],
    ['panels', { contributes: { panels: [{ name: 'p' }] } }, 'panels'],
    ['providers', { contributes: { providers: [{ name: 'p' }] } }, 'providers'],
    ['secrets', { secrets: [{ name: 'KEY', reason: 'r' }] }, 'secrets'],
  ])('says that this host does not offer %s', (_what, part, named) => {
    const json = { ...minimal, ...part };
    expect(codeOfParsing(json)).toBe('E_UNSUPPORTED');
    expect(problemsOf(json).join()).toContain(named);
  });

  it('survives any JSON, and so does the check before it', () => {
    const parts = fc.record(Object.fromEntries(Object.keys(full).map((key) => [key, fc.jsonValue()])), {
      requiredKeys: [],
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          parts.map((part) => ({ ...full, ...part })),
        ),
        (json) => {
          expect(unsupported(json).every((sentence) => typeof sentence === 'string')).toBe(true);
          expect([undefined, 'E_MANIFEST_INVALID', 'E_UNSUPPORTED']).toContain(codeOfParsing(json));
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('manifestId', () => {
  it('reads an id and nothing else', () => {
    expect(manifestId({ id: 'acme/hello', nonsense: 1 })).toBe('acme/hello');
    for (const json of [null, 7, {}, { id: 7 }, { id: 'acme' }, { id: 'a/b' }]) {
      expect(manifestId(json)).toBeNull();
    }
  });
});

function publishing(...types: string[]): object {
  return {
    capabilities: [capability('api.emit_events')],
    contributes: { events: { publishes: types.map((type) => ({ type, schema: 'schemas/x.json' })) } },
  };
}
