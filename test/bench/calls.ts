import ivm from 'isolated-vm';
import { Gate } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import { HostCalls, type KernelCallHandlers } from '../../kernel/host-calls.ts';
import { GuestCalls } from '../../kernel/lifecycle/guest-calls.ts';
import type { Parts } from '../../kernel/lifecycle/parts.ts';
import type { Running } from '../../kernel/lifecycle/running-extensions.ts';
import type { Transactions } from '../../kernel/ports.ts';
import type { ExtensionProcess } from '../../kernel/sandbox/cell.ts';
import { CallTransactions } from '../../kernel/transactions.ts';
import type { Json } from '../../manifests/json.ts';
import type { Manifest } from '../../manifests/manifest/manifest.ts';
import { endpoint, REQUEST, startHarness } from '../kernel/sandbox/harness.ts';
import { manifestOf } from '../support/manifest.ts';
import { type Effort, type Report, rate, type Suite, sideBySide } from './case.ts';

/** About 1 KiB of JSON, as a request is. */
const PAYLOAD: Json = { items: Array.from({ length: 16 }, (_, n) => ({ n, name: 'x'.repeat(40) })) };
const HOST_CALLS = 200;
const DECISIONS = 100_000;

/** From the host into an isolate and back, from the isolate to the host and back, and the gate between them. */
export const calls: Suite = {
  name: 'calls',
  async run(report, effort) {
    const gate = new Gate();
    const manifest = manifestOf({
      capabilities: [{ name: 'api.register_endpoint', reason: 'r' }],
      limits: { wallMs: 20_000, cpuMs: 2_000, hostCallsPerSecond: 10_000 },
    });
    gate.hold(manifest, [{ capability: 'api.register_endpoint', scope: null }]);
    const hostCalls = hostCallsBehind(gate);
    await using cell = await startHarness(
      {
        echo: 'async (request) => ({ seen: request.items.length, items: request.items })',
        ask: `async (_, ctx) => { for (let n = 0; n < ${HOST_CALLS}; n++) await ctx.state.get('a'); return null; }`,
      },
      {
        hostCall: (name, params, origin) => hostCalls.dispatch(manifest, name, params, origin),
        process: { hostCallsPerSecond: 10_000_000 },
      },
    );
    const guests = guestsBehind(gate, manifest, cell.process);
    using bare = await bareIsolate();
    for (const [inFlight, aim] of [
      [1, '<= 1.5'],
      [32, '>= 1.5'],
    ] as const)
      await roundTrips(guests, bare, inFlight, aim, report, effort);
    await compareHostCalls(guests, bare, report, effort);
    decisions(report);
  },
};

type Call = (name: string, payload: Json) => Promise<Json>;

/** As components call extensions: the gate is asked each time. */
function guestsBehind(gate: Gate, manifest: Manifest, process: ExtensionProcess): Call {
  const demands = [{ capability: 'api.register_endpoint' }] as const;
  const handlers = ['echo', 'ask'].map((name) => [`endpoint ${name}`, demands] as const);
  const running: Running = { manifest, digest: '', process, demands: new Map(handlers) };
  // What is asked when a call fails is not there: none does.
  const guests = new GuestCalls({ gate, running: { get: () => running } } as unknown as Parts);
  return (name, payload) => guests.call(manifest.id, endpoint(name), payload, { request: REQUEST });
}

/** The whole way of a host call but for the store behind it, which answers from memory. */
function hostCallsBehind(gate: Gate): HostCalls {
  const handlers = { 'state.get': async () => ({ value: 1, version: 1 }) };
  return new HostCalls({
    gate,
    adapters: new Map(),
    handlers: handlers as unknown as KernelCallHandlers,
    transactions: new CallTransactions({} as Transactions, gate, () => undefined),
    deny: (_caller, { code, detail }) => Promise.reject(new MagError(code, detail)),
  });
}

async function roundTrips(
  call: Call,
  bare: Bare,
  inFlight: number,
  aim: string,
  report: Report,
  { rounds, roundMs }: Effort,
): Promise<void> {
  const [ours, theirs] = await sideBySide(
    rounds,
    () => rate(inFlight, roundMs, () => call('echo', PAYLOAD)),
    () => rate(inFlight, roundMs, () => bare.echo(PAYLOAD)),
  );
  report({
    name: `call of a handler in its cell through the gate, 1 KiB, ${inFlight} in flight`,
    against: 'apply of isolated-vm in this process',
    // Time at one in flight, throughput at many.
    ratio: inFlight === 1 ? theirs / ours : ours / theirs,
    aim,
    detail: `${ours.toFixed(0)}/s against ${theirs.toFixed(0)}/s`,
  });
}

async function compareHostCalls(
  call: Call,
  bare: Bare,
  report: Report,
  { rounds, roundMs }: Effort,
): Promise<void> {
  const [ours, theirs] = await sideBySide(
    rounds,
    async () => HOST_CALLS * (await rate(1, roundMs, () => call('ask', null))),
    async () => HOST_CALLS * (await rate(1, roundMs, () => bare.ask())),
  );
  report({
    name: 'host call from the isolate through the gate, one after the other',
    against: 'Reference.apply in this process',
    ratio: theirs / ours,
    aim: '<= 3',
    detail: `${ours.toFixed(0)}/s against ${theirs.toFixed(0)}/s`,
  });
}

function decisions(report: Report): void {
  const gate = new Gate();
  const scope = { tables: ['public.users', 'public.orders'] };
  const manifest = manifestOf({ capabilities: [{ name: 'database.read', reason: 'r', scope }] });
  gate.hold(manifest, [{ capability: 'database.read', scope }]);
  const demands = [
    { capability: 'database.read', resource: { tables: 'public.orders', schemas: 'public' } },
  ] as const;
  const startedAt = performance.now();
  for (let n = 0; n < DECISIONS; n++) gate.decide(manifest.id, demands);
  const perSecond = DECISIONS / ((performance.now() - startedAt) / 1_000);
  report({
    name: 'decision of the gate, scoped',
    against: 'a million a second',
    ratio: perSecond / 1_000_000,
    aim: '>= 1',
    detail: `${perSecond.toFixed(0)}/s`,
  });
}

interface Bare extends Disposable {
  echo(payload: Json): Promise<unknown>;
  /** As many calls from the isolate to the host as `ask` of the cell makes. */
  ask(): Promise<unknown>;
}

/** What isolated-vm alone does in this process: no protocol, no gate, no other process. */
async function bareIsolate(): Promise<Bare> {
  const isolate = new ivm.Isolate({ memoryLimit: 32 });
  const context = await isolate.createContext();
  await context.global.set('host', new ivm.Reference(() => '{"value":1,"version":1}'));
  const echo = await reference(
    context,
    '(request) => ({ seen: request.items.length, items: request.items })',
  );
  const ask = await reference(
    context,
    `async () => {
      for (let n = 0; n < ${HOST_CALLS}; n++)
        JSON.parse(await host.apply(undefined, ['a'], { result: { promise: true, copy: true } }));
    }`,
  );
  return {
    echo: (payload) =>
      echo.apply(undefined, [payload], { arguments: { copy: true }, result: { copy: true } }),
    ask: () => ask.apply(undefined, [], { result: { promise: true, copy: true } }),
    [Symbol.dispose]: () => isolate.dispose(),
  };
}

async function reference(context: ivm.Context, code: string): Promise<ivm.Reference> {
  return context.eval(code, { reference: true });
}
