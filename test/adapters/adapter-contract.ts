import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ComponentAdapter, ComponentEvent, HookRegistrar } from '../../kernel/adapter.ts';
import type { Demand } from '../../kernel/capability/gate.ts';
import { codeOf, MagError } from '../../kernel/errors.ts';
import type { PointOf } from '../../kernel/hooks/hook-point.ts';
import { HookPoints } from '../../kernel/hooks/hook-points.ts';
import {
  CAPABILITIES,
  type CapabilityName,
  type ComponentId,
  HOOKS,
  type HookName,
  hookRow,
} from '../../manifests/catalog/index.ts';
import { NO_CONTRIBUTIONS } from '../../manifests/manifest/contributions.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { silentLogger } from '../support/silent-logger.ts';

/** What the contract needs to know of an adapter. */
export interface AdapterUnderTest {
  readonly component: ComponentId;
  create(): Promise<{ adapter: ComponentAdapter; dispose(): Promise<void> }>;
  /** An event of the catalogue that this component publishes. */
  readonly event: ComponentEvent;
}

const EXTENSION: ExtensionId = 'acme/contract';

/** A kernel's side of the registration, which refuses what the real one refuses and keeps what it is told. */
export class RecordingRegistrar implements HookRegistrar {
  readonly registered: HookName[] = [];
  readonly published: { readonly component: ComponentId; readonly event: ComponentEvent }[] = [];

  register<Name extends HookName>(component: ComponentId, hook: Name): PointOf<Name> {
    if (!Object.hasOwn(HOOKS, hook) || hookRow(hook).component !== component) {
      throw new MagError('E_INTERNAL', `${component} has no hook ${hook}`);
    }
    if (this.registered.includes(hook)) throw new MagError('E_INTERNAL', `${hook} is registered twice`);
    this.registered.push(hook);
    return new HookPoints(silentLogger).register(component, hook);
  }

  isHeard(): boolean {
    return true;
  }

  async publish(component: ComponentId, event: ComponentEvent): Promise<void> {
    this.published.push({ component, event });
  }
}

/** The contract of spec 04: run it for every `ComponentAdapter`. */
export function describeAdapterContract(subject: AdapterUnderTest): void {
  describe(`the adapter contract: ${subject.component}`, () => {
    let adapter: ComponentAdapter;
    let dispose: () => Promise<void>;
    beforeAll(async () => {
      ({ adapter, dispose } = await subject.create());
    });
    afterAll(() => dispose());

    it('names its component', () => {
      expect(adapter.component).toBe(subject.component);
    });

    it('refuses to publish before it is attached, with one of our codes', async () => {
      const code = await adapter.emitEvent(subject.event).then(() => 'published', codeOf);
      expect(code).toMatch(/^E_/);
    });

    it('registers exactly the hooks the catalogue gives to its component, once', () => {
      const registrar = new RecordingRegistrar();
      adapter.registerHooks(registrar);
      const expected = Object.keys(HOOKS).filter((hook) => hook.startsWith(`${subject.component}.`));
      expect([...registrar.registered].sort()).toEqual(expected.sort());
    });

    it('publishes in its own name', async () => {
      const registrar = new RecordingRegistrar();
      adapter.registerHooks(registrar);
      await adapter.emitEvent(subject.event);
      expect(registrar.published).toEqual([{ component: subject.component, event: subject.event }]);
    });

    it('answers for every capability with a decision', () => {
      for (const capability of Object.keys(CAPABILITIES) as CapabilityName[]) {
        const decision = adapter.validateCapability(EXTENSION, capability);
        if (!decision.allow)
          expect(decision).toMatchObject({ capability, code: expect.stringMatching(/^E_CAP_/) });
      }
    });

    it('shows totals of what an extension used, from the start and by names that say whose they are', () => {
      const used = adapter.usage?.(EXTENSION) ?? {};
      for (const [name, total] of Object.entries(used)) {
        expect(name).toMatch(/^[a-z]+[A-Z]/);
        expect(total).toBe(0);
      }
    });

    it.each(['no_such_hook', '__proto__', 'constructor', ''])(
      'refuses the call %j with one of our codes',
      async (hook) => {
        const demands = Promise.resolve().then(() => adapter.demands(hook, {}, EXTENSION));
        expect(await demands.then(() => 'answered', codeOf)).toMatch(/^E_/);
        const context = { caller: callerOf(EXTENSION), params: {} };
        const executed = Promise.resolve().then(() => adapter.executeHook(hook, context));
        expect(await executed.then(() => 'executed', codeOf)).toMatch(/^E_/);
      },
    );
  });
}

/** A caller as the kernel makes them, for an extension that declares nothing. */
export function callerOf(
  extension: ExtensionId,
  options: {
    tenantId?: string;
    signal?: AbortSignal;
    admit?: (demands: readonly Demand[]) => Promise<void>;
  } = {},
): Parameters<ComponentAdapter['executeHook']>[1]['caller'] {
  const { tenantId, signal = new AbortController().signal, admit = async () => undefined } = options;
  return {
    extension,
    signal,
    call: signal,
    chain: [],
    transaction: async () => null,
    admit,
    request:
      tenantId === undefined
        ? null
        : {
            tenantId,
            env: 'test',
            principal: null,
            membership: null,
            mode: null,
            traceId: '0af7651916cd43dd8448eb211c80319c',
          },
    manifest: {
      manifestVersion: 1,
      kind: 'extension',
      id: extension,
      version: '1.0.0',
      displayName: extension,
      description: extension,
      license: 'MIT',
      engines: { magflock: '*' },
      entry: 'main.js',
      dependencies: {},
      capabilities: [],
      contributes: NO_CONTRIBUTIONS,
      limits: {
        cpuMs: 100,
        wallMs: 1000,
        memoryMb: 64,
        hostCallsPerSecond: 100,
        egressKbPerMinute: 10_240,
      },
      secrets: [],
      health: { intervalSeconds: 60 },
      isolation: { process: 'dedicated', jit: false },
    },
  };
}
