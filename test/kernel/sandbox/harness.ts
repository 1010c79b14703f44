import { fileURLToPath } from 'node:url';
import { bundleRunner } from '../../../host/build/bundle-runner.ts';
import { type MagError, toMagError } from '../../../kernel/errors.ts';
import type {
  CellOwner,
  ExtensionProcess,
  InvokeOptions,
  ProcessOptions,
  Sandbox,
} from '../../../kernel/sandbox/cell.ts';
import { createSandbox } from '../../../kernel/sandbox/sandbox.ts';
import type { Json } from '../../../manifests/json.ts';
import type { CellLoad, GuestTarget, RequestContext } from '../../../manifests/protocol/frames.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const BUILD_DIR = fileURLToPath(new URL('../../../.build/', import.meta.url));

export const REQUEST: RequestContext = {
  tenantId: 'acme',
  env: 'test',
  principal: { id: 'user:1', name: 'Ada', role: 'admin' },
  membership: { tenantId: 'acme', roles: ['admin'] },
  mode: null,
  traceId: 'trace-1',
};

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
  readonly request: RequestContext | null;
}

export interface Harness extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly process: ExtensionProcess;
  readonly logs: LogLine[];
  readonly deaths: MagError[];
  readonly givenUp: Promise<MagError>;
  /** Calls `endpoint <name>`. */
  call(name: string, payload?: Json, options?: Partial<InvokeOptions>): Promise<Json>;
}

export interface HarnessOptions {
  readonly code?: string;
  readonly load?: Partial<CellLoad>;
  readonly hostCall?: CellOwner['hostCall'];
  readonly clean?: CellOwner['clean'] & {};
  readonly process?: Partial<ProcessOptions>;
  /** A program that takes the place of the runner. */
  readonly runnerPath?: string;
}

/** A sandbox with one extension, not started yet. */
export async function createHarness(options: HarnessOptions = {}): Promise<Harness> {
  const runnerPath = options.runnerPath ?? (await bundleRunner(BUILD_DIR));
  const sandbox = createSandbox({ runnerPath, logger: silentLogger });
  const logs: LogLine[] = [];
  const deaths: MagError[] = [];
  const gaveUp = Promise.withResolvers<MagError>();
  const extension = sandbox.create({
    load: {
      extension: { id: 'acme/hello', version: '1.2.3' },
      code: options.code ?? 'export default {}',
      config: {},
      cpuMs: 2_000,
      ...options.load,
    },
    memoryMb: 32,
    hostCallsPerSecond: 10_000,
    jit: true,
    owner: {
      hostCall: options.hostCall ?? (() => Promise.resolve('null')),
      ...(options.clean === undefined ? {} : { clean: options.clean }),
      log: (level, message, fields, request) =>
        logs.push({ level, message, fields: JSON.parse(fields), request }),
    },
    onReady: () => Promise.resolve(),
    onDeath: (error) => deaths.push(error),
    onGiveUp: (error) => gaveUp.resolve(error),
    ...options.process,
  });
  return {
    sandbox,
    process: extension,
    logs,
    deaths,
    givenUp: gaveUp.promise,
    call: (name, payload = null, invoke = {}) =>
      extension.invoke(endpoint(name), payload, {
        request: REQUEST,
        deadlineMs: 20_000,
        cpuMs: 2_000,
        ...invoke,
      }),
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}

/** A harness whose extension offers these endpoints, each the text of a function, and runs. */
export async function startHarness(
  endpoints: Record<string, string>,
  options: HarnessOptions = {},
): Promise<Harness> {
  const members = Object.entries(endpoints).map(([name, text]) => `${JSON.stringify(name)}: ${text}`);
  const code = `export default { endpoints: {\n${members.join(',\n')}\n} };`;
  const harness = await createHarness({ code, ...options });
  await harness.process.start();
  return harness;
}

export function endpoint(name: string): GuestTarget {
  return { kind: 'endpoint', name };
}

/** The error a promise rejects with; fails when it does not. */
export async function rejection(promise: Promise<unknown>): Promise<MagError> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => toMagError(error),
  );
  if (outcome === null) throw new Error('expected a rejection');
  return outcome;
}

/** Waits until something is so; gives up after half a minute. */
export async function eventually(isSo: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 30_000; !isSo(); ) {
    if (performance.now() > deadline) throw new Error('it never became so');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether a process exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
