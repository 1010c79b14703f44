/** The architecture of docs/architecture.md as rules. Each comment speaks to whoever broke it. */
const only = (name, packages, owners, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: '^(kernel|adapters|host|manifests|extensions)/', pathNot: owners },
  to: { path: packages },
});

export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one file, or hide a third one. Find it.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'manifests-are-the-bottom',
      comment:
        'manifests/ is pure data and types that everybody may import: it imports nobody and does no I/O.',
      severity: 'error',
      from: { path: '^manifests/' },
      to: { path: '^(kernel|adapters|host|extensions|test)/' },
    },
    {
      name: 'manifests-do-no-io',
      comment: 'manifests/ is imported by the sandbox and by authors: no Node module belongs there.',
      severity: 'error',
      from: { path: '^manifests/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'kernel-knows-no-component',
      comment:
        'The kernel is out of band: it knows no component, no SQL, no HTTP. Put it behind a port (kernel/ports.ts) or into an adapter.',
      severity: 'error',
      from: { path: '^kernel/' },
      to: {
        path: '^(adapters|host|extensions|test)/|node_modules/(pg|fastify|find-my-way|libpg-query|commander|prom-client|undici|@nats-io|@redis)/',
      },
    },
    {
      name: 'the-runner-stands-alone',
      comment: 'The program in a cell is hostile ground: it may use the protocol and nothing of the host.',
      severity: 'error',
      from: { path: '^kernel/runner/' },
      to: {
        path: '^(kernel|manifests|adapters|host)/',
        pathNot: '^(kernel/runner|manifests/(protocol|catalog|sdk)/|manifests/json)',
      },
    },
    {
      name: 'the-runner-brings-no-packages',
      comment:
        'Whatever the program in a cell is bundled with, hostile code sits next to: isolated-vm (in isolate.ts) and what Node has is all.',
      severity: 'error',
      from: { path: '^kernel/runner/' },
      to: { path: 'node_modules/', pathNot: 'node_modules/(isolated-vm|@types)/' },
    },
    {
      name: 'nobody-imports-the-runner',
      comment:
        'The runner is bundled and started as a process of its own; importing it would load extension code into the host.',
      severity: 'error',
      from: { path: '^(kernel|adapters|host)/', pathNot: '^kernel/runner/' },
      to: { path: '^kernel/runner/' },
    },
    {
      name: 'adapters-do-not-know-each-other',
      comment:
        'An adapter translates between its component and the kernel. What two of them share belongs to the kernel or to manifests/.',
      severity: 'error',
      from: { path: '^adapters/([^/]+)/' },
      to: { path: '^adapters/', pathNot: '^adapters/$1/' },
    },
    {
      name: 'adapters-stay-below-the-host',
      comment: 'The host composes adapters, never the other way round.',
      severity: 'error',
      from: { path: '^adapters/' },
      to: { path: '^(host|extensions|test)/' },
    },
    {
      name: 'extensions-use-the-sdk-only',
      comment:
        'A first-party extension has no back door: what it needs and #sdk lacks is missing in the SDK.',
      severity: 'error',
      from: { path: '^extensions/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^(extensions/|manifests/sdk/)' },
    },
    {
      name: 'nothing-imports-tests',
      comment: 'Tests mirror the source; what they share with it belongs to the source.',
      severity: 'error',
      from: { pathNot: '^(test/|extensions/.*\\.test\\.ts$)' },
      to: { path: '^test/' },
    },
    only(
      'isolated-vm-has-one-owner',
      'node_modules/isolated-vm/',
      '^kernel/runner/(debug-)?isolate\\.ts$',
      'isolated-vm can crash its process: only the runner loads it, in kernel/runner/isolate.ts and, for the author tools, debug-isolate.ts.',
    ),
    only(
      'pg-has-its-owners',
      'node_modules/pg/',
      '^(host/storage|adapters/magds)/',
      'SQL lives in host/storage/ and adapters/magds/.',
    ),
    only(
      'nats-has-one-owner',
      'node_modules/@nats-io/',
      '^host/events-nats/',
      'NATS is one of two engines of the event log; everybody else knows host/storage/event-engine.ts.',
    ),
    only(
      'redis-has-one-owner',
      'node_modules/@redis/',
      '^adapters/stores/',
      'A Redis server is one kind of store; everybody else knows adapters/stores/store-driver.ts.',
    ),
    only(
      'undici-has-one-owner',
      'node_modules/undici/',
      '^adapters/network/',
      'Requests to other servers go through the guard in adapters/network/, which vets where they lead.',
    ),
    only(
      'processes-have-their-owners',
      '^(node:)?child_process$',
      '^(kernel/sandbox|host/storage|host/cli|host/testing)/',
      'Whoever starts processes must end them: cells, the embedded Postgres, the CLI and the test harness.',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.json'],
    },
  },
};
