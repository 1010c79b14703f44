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
      { method: 'POST', path: '/orders', auth: 'certificate' },
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

const get = { method: 'GET', path: '/a' };

const page = 'ui/a.html';
const panels = (...list: object[]) => ({
  capabilities: [{ name: 'ui.register_panel', reason: 'r' }],
  contributes: { panels: list },
});

const badCommands: [string, object][] = [
  ['a command with a name that steers', { name: 'a\u001b' }],
  ['a command with an argument twice', { args: [{ name: 'a' }, { name: 'a' }] }],
  ['a command with an option of mag', { options: [{ name: 'token' }] }],
  ['a command with a letter of mag', { options: [{ name: 'other', short: 'y' }] }],
  ['a required argument behind an open one', { args: [{ name: 'a', required: false }, { name: 'b' }] }],
  ['many values in the middle', { args: [{ name: 'a', variadic: true }, { name: 'b' }] }],
  ['choices that are no strings', { options: [{ name: 'a', type: 'integer', choices: ['1'] }] }],
  ['a command of no role', { auth: 'No Role' }],
];

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

  it('takes a subscription by its type, or with how it is delivered', () => {
    const subscribes = [
      'a.plain',
      { type: 'a.once', delivery: 'transactional' },
      { type: 'a.often', delivery: 'at-least-once' },
      { type: 'a.silent' },
    ];
    const { contributes } = parseManifest({
      ...minimal,
      capabilities: [capability('realtime.subscribe_events')],
      contributes: { events: { subscribes } },
    });
    expect(contributes.events).toEqual({
      subscribes: ['a.plain', 'a.once', 'a.often', 'a.silent'],
      transactional: ['a.once'],
      publishes: [],
    });
  });

  it('knows every version that an endpoint is of, and what is said of it', () => {
    const { contributes } = parseManifest({
      ...minimal,
      capabilities: [capability('api.register_endpoint')],
      contributes: {
        endpoints: [
          { method: 'GET', path: '/a', version: 3 },
          { method: 'GET', path: '/a', summary: 'An a.', response: { type: 'object' } },
          { method: 'GET', path: '/b' },
        ],
        versions: [{ version: 1, deprecated: '2026-11-30', sunset: '2027-06-01' }],
      },
    });
    expect(contributes.endpoints.map(({ version }) => version)).toEqual([3, 1, 1]);
    expect(contributes.endpoints[1]).toMatchObject({ summary: 'An a.', response: { type: 'object' } });
    expect(contributes.versions).toEqual([
      { version: 1, deprecated: '2026-11-30', sunset: '2027-06-01' },
      { version: 3 },
    ]);
  });

  it('fills the defaults in', () => {
    expect(parseManifest(minimal)).toEqual({
      ...minimal,
      dependencies: {},
      capabilities: [],
      contributes: {
        endpoints: [],
        hooks: [],
        events: { subscribes: [], transactional: [], publishes: [] },
        exports: [],
        jobs: [],
        schedules: [],
        channels: [],
        commands: [],
        help: [],
        formats: [],
        widgets: [],
        panels: [],
        explorers: [],
        versions: [],
        ssoProviders: [],
        oidcProviders: [],
        samlProviders: [],
        roles: [],
      },
      limits: {
        cpuMs: 500,
        wallMs: 5000,
        memoryMb: 64,
        hostCallsPerSecond: 500,
        egressKbPerMinute: 10_240,
      },
      secrets: [],
      health: { intervalSeconds: 60 },
      isolation: { process: 'dedicated', jit: true },
    });
  });

  const hooked = (endpoint: object) => ({
    ...minimal,
    capabilities: ['api.register_endpoint', 'network.inbound', 'system.secrets'].map((name) =>
      capability(name),
    ),
    secrets: ['GITHUB_SECRET', 'A'].map((name) => ({ name, reason: 'Webhooks are signed with it.' })),
    contributes: { endpoints: [{ method: 'POST', path: '/hook', auth: 'none', ...endpoint }] },
  });

  it('takes a webhook with how it is signed', () => {
    const webhook = { secret: 'GITHUB_SECRET', header: 'X-Hub-Signature-256', prefix: 'sha256=' };
    expect(parseManifest(hooked({ webhook })).contributes.endpoints[0]?.webhook).toEqual({
      ...webhook,
      algorithm: 'sha256',
      encoding: 'hex',
      scheme: 'body',
      toleranceSeconds: 300,
    });
    expect(parseManifest(hooked({})).contributes.endpoints[0]).not.toHaveProperty('webhook');
  });

  it.each<[string, object]>([
    ['no secret', { webhook: { header: 'x' } }],
    ['no header', { webhook: { secret: 'A' } }],
    ['a secret itself', { webhook: { secret: 'hunter2', header: 'x' } }],
    ['a secret the manifest does not name', { webhook: { secret: 'OTHER', header: 'x' } }],
    ['a header that is none', { webhook: { secret: 'A', header: 'x y' } }],
    ['a broken algorithm', { webhook: { secret: 'A', header: 'x', algorithm: 'md5' } }],
    ['a token beside it', { auth: 'user', webhook: { secret: 'A', header: 'x' } }],
    ['no body to sign', { method: 'GET', webhook: { secret: 'A', header: 'x' } }],
    ['a member nobody knows', { webhook: { secret: 'A', header: 'x', key: 'B' } }],
  ])('refuses a webhook with %s', (_what, endpoint) => {
    expect(codeOfParsing(hooked(endpoint))).toBe('E_MANIFEST_INVALID');
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
    expect(manifest.contributes.endpoints.map(({ auth }) => auth)).toEqual(['user', 'none', 'certificate']);
    expect(manifest.contributes.hooks).toEqual([{ hook: 'maggate.wrap_request', order: 100 }]);
    expect(Object.keys(manifest.contributes)).toEqual([
      ...['endpoints', 'versions', 'hooks', 'events'],
      ...[
        'exports',
        'jobs',
        'schedules',
        'channels',
        'ssoProviders',
        'oidcProviders',
        'samlProviders',
        'roles',
      ],
      ...['commands', 'help', 'formats', 'widgets', 'panels', 'explorers'],
    ]);
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
      'an endpoint for certificates without its capability',
      {
        capabilities: [capability('api.register_endpoint')],
        contributes: { endpoints: [{ method: 'GET', path: '/a', auth: 'certificate' }] },
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
    ...[
      ['times that are none', { name: 'a', cron: 'daily', job: 'work' }],
      ['a time zone that is none', { name: 'a', cron: '0 0 * * *', timezone: 'Mars/Olympus', job: 'work' }],
      ['times that never come', { name: 'a', cron: '0 0 31 2 *', job: 'work' }],
      ['a schedule of no job', { name: 'a', cron: '0 0 * * *' }],
    ].map(
      ([what, schedule]) =>
        [
          what as string,
          {
            capabilities: [capability('system.background_jobs'), capability('system.cron_schedule')],
            contributes: { jobs: [{ name: 'work' }], schedules: [schedule] },
          },
        ] as [string, object],
    ),
    ['a channel without its capability', { contributes: { channels: [{ name: 'room' }] } }],
    [
      'events in a channel without their capability',
      {
        capabilities: [capability('realtime.register_channel')],
        contributes: { channels: [{ name: 'room', events: ['acme.hello.greeted'] }] },
      },
    ],
    [
      'events in a channel that are only written for extensions',
      {
        capabilities: [capability('realtime.register_channel'), capability('realtime.subscribe_events')],
        contributes: { channels: [{ name: 'room', events: ['database.query.executed'] }] },
      },
    ],
    [
      'a channel twice',
      {
        capabilities: [capability('realtime.register_channel')],
        contributes: { channels: [{ name: 'room' }, { name: 'room' }] },
      },
    ],
    ['a job without its capability', { contributes: { jobs: [{ name: 'work' }] } }],
    ['an export twice', { contributes: { exports: [{ name: 'a' }, { name: 'a' }] } }],
    ...[
      { endpoints: [{ method: 'GET', path: '/a', version: 0 }] },
      { endpoints: [{ method: 'GET', path: '/a', version: 100 }] },
      { endpoints: [{ method: 'GET', path: '/a', version: 1.5 }] },
      { endpoints: [{ method: 'GET', path: '/a', version: '2' }] },
      { endpoints: [{ method: 'GET', path: '/a', summary: '' }] },
      { endpoints: [{ method: 'GET', path: '/a', request: { type: 'object' } }] },
      { endpoints: [{ method: 'POST', path: '/a', request: { type: 'thing' } }] },
      { endpoints: [{ method: 'POST', path: '/a', request: { $id: 'https://acme.example/a' } }] },
      { endpoints: [{ method: 'POST', path: '/a', request: 'schemas/a.json' }] },
      { endpoints: [{ method: 'GET', path: '/a', response: { pattern: '(a+)+' } }] },
      { endpoints: [get], versions: [{ version: 2 }] },
      { endpoints: [get], versions: [{ version: 1 }, { version: 1 }] },
      { endpoints: [get], versions: [{ version: 1, sunset: '2026-02-30' }] },
      { endpoints: [get], versions: [{ version: 1, sunset: '2026-01-01T00:00:00Z' }] },
      { endpoints: [get], versions: [{ version: 1, deprecated: '2027-01-01', sunset: '2026-01-01' }] },
    ].map((contributes): [string, object] => [
      JSON.stringify(contributes),
      { capabilities: [capability('api.register_endpoint')], contributes },
    ]),
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
    [
      'a subscription twice, once of each kind',
      {
        capabilities: [capability('realtime.subscribe_events')],
        contributes: { events: { subscribes: ['a.b', { type: 'a.b', delivery: 'transactional' }] } },
      },
    ],
    [
      'a delivery there is not',
      { contributes: { events: { subscribes: [{ type: 'a.b', delivery: 'once' }] } } },
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
    ...badCommands.map(([what, command]): [string, object] => [
      what,
      {
        capabilities: [capability('cli.register_command')],
        contributes: { commands: [{ name: 'greet', description: 'd', ...command }] },
      },
    ]),
    ['a command without its capability', { contributes: { commands: [{ name: 'a', description: 'd' }] } }],
    ['help without its capability', { contributes: { help: [{ command: 'event:tail', text: 't' }] } }],
    ['a format without its capability', { contributes: { formats: [{ name: 'csv', description: 'd' }] } }],
    ...['../x.html', 'dist/x.html', 'ui/x.js', 'ui/../x.html', '/ui/x.html', 'ui/.x.html'].map(
      (page): [string, object] => [`the page ${page}`, panels({ name: 'a', title: 'A', page })],
    ),
    ['two frames of one name', panels({ name: 'a', title: 'A', page }, { name: 'a', title: 'B', page })],
    ['a widget without its capability', { contributes: { widgets: [{ name: 'a', title: 'A', page }] } }],
  ])('refuses %s', (_what, part) => {
    expect(codeOfParsing({ ...minimal, ...part })).toBe('E_MANIFEST_INVALID');
  });

  it.each<[string, object, string]>([
    ['a capability', { capabilities: [capability('system.instances')] }, 'system.instances'],
    ['a capability of the language', { capabilities: [capability('constructor.name')] }, 'constructor.name'],
    ['a hook', { contributes: { hooks: [{ hook: 'magds.before_query' }] } }, 'magds.before_query'],
  ])('says that this host does not offer %s', (_what, part, named) => {
    const json = { ...minimal, ...part };
    expect(codeOfParsing(json)).toBe('E_UNSUPPORTED');
    expect(problemsOf(json).join()).toContain(named);
  });

  it('takes the names of its secrets as the scope of the right to read them', () => {
    const secrets = ['A', 'B_2'].map((name) => ({ name, reason: 'r' }));
    const parsed = (scope?: object) =>
      parseManifest({ ...minimal, secrets, capabilities: [capability('system.secrets', scope)] });
    expect(parsed().secrets).toEqual(secrets);
    expect(parsed().capabilities).toEqual([
      { name: 'system.secrets', reason: 'r', scope: { names: ['A', 'B_2'] } },
    ]);
    expect(parsed({ names: ['A'] }).capabilities[0]?.scope).toEqual({ names: ['A'] });
    expect(parseManifest(minimal).secrets).toEqual([]);
  });

  it.each<[string, object]>([
    ['secrets without the right to read them', { secrets: [{ name: 'A', reason: 'r' }] }],
    ['the right to read secrets without any', { capabilities: [capability('system.secrets')] }],
    [
      'a scope with a secret it does not name',
      {
        secrets: [{ name: 'A', reason: 'r' }],
        capabilities: [capability('system.secrets', { names: ['A', 'B'] })],
      },
    ],
    [
      'a secret twice',
      {
        secrets: [
          { name: 'A', reason: 'r' },
          { name: 'A', reason: 's' },
        ],
        capabilities: [capability('system.secrets')],
      },
    ],
    ['a secret in small letters', { secrets: [{ name: 'a', reason: 'r' }] }],
  ])('refuses %s', (_what, part) => {
    expect(codeOfParsing({ ...minimal, ...part })).toBe('E_MANIFEST_INVALID');
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
