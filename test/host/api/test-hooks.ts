import type { ComponentEvent, HookRegistrar } from '../../../kernel/adapter.ts';
import { MagError } from '../../../kernel/errors.ts';
import type { FireOptions, PointOf } from '../../../kernel/hooks/hook-point.ts';
import type { HookName } from '../../../manifests/catalog/index.ts';
import type { Json } from '../../../manifests/json.ts';
import type { TestEndpoints } from './test-endpoints.ts';

/** What a tap of a test does with the value; what it throws is a veto. */
type Tap = (value: Json) => Json;

/** Registers hook points that tests tap, and keeps what is published. */
export class TestHooks implements HookRegistrar {
  readonly taps = new Map<HookName, Tap>();
  readonly fired: { hook: string; value: Json; resource: FireOptions['resource'] }[] = [];
  readonly published: ComponentEvent[] = [];
  readonly #endpoints: TestEndpoints;

  constructor(endpoints: TestEndpoints) {
    this.#endpoints = endpoints;
  }

  register<Name extends HookName>(_component: string, hook: Name): PointOf<Name> {
    if (hook === 'maggate.register_endpoint') return this.#endpoints.point as unknown as PointOf<Name>;
    if (hook === 'maggate.add_version') return this.#endpoints.versions as unknown as PointOf<Name>;
    const fire = async (value: Json, options: FireOptions) => this.#fire(hook, value, options);
    const point = {
      name: hook,
      list: () => [],
      isUsed: () => this.taps.has(hook),
      fire,
      tell: (value: Json, options: FireOptions) => void fire(value, options),
      collect: async (value: Json, options: FireOptions) => [
        { extension: 'acme/tap', value: await fire(value, options) },
      ],
      ask: async (value: Json, options: FireOptions) => {
        await fire(value, options).catch((cause: Error) => {
          const blame = { extension: 'acme/tap', hook, code: cause.name };
          throw new MagError('E_VETO', cause.message, { blame });
        });
      },
    };
    return point as unknown as PointOf<Name>;
  }

  async publish(_component: string, event: ComponentEvent): Promise<void> {
    this.published.push(event);
  }

  isHeard(): boolean {
    return true;
  }

  #fire(hook: HookName, value: Json, { resource }: FireOptions): Json {
    this.fired.push({ hook, value: structuredClone(value), resource });
    return this.taps.get(hook)?.(JSON.parse(JSON.stringify(value)) as Json) ?? value;
  }
}
