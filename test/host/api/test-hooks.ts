import type { ComponentEvent, HookRegistrar } from '../../../kernel/adapter.ts';
import type { HookPoint } from '../../../kernel/hooks/hook-point.ts';
import type { HookName } from '../../../manifests/catalog/index.ts';
import type { Json } from '../../../manifests/json.ts';

type Tap = (value: Json) => Json;

/** Registers hook points that tests tap, and keeps what is published. */
export class TestHooks implements HookRegistrar {
  readonly taps = new Map<HookName, Tap>();
  readonly fired: { hook: string; value: Json; resource: Record<string, string> | undefined }[] = [];
  readonly published: ComponentEvent[] = [];

  register(_component: string, hook: HookName): HookPoint {
    return {
      name: hook,
      isUsed: () => this.taps.has(hook),
      fire: async (value, { resource }) => {
        this.fired.push({ hook, value: structuredClone(value), resource });
        return this.taps.get(hook)?.(JSON.parse(JSON.stringify(value)) as Json) ?? value;
      },
    };
  }

  async publish(_component: string, event: ComponentEvent): Promise<void> {
    this.published.push(event);
  }
}
