import type { HookName } from '../../manifests/catalog/index.ts';
import type { Json } from '../../manifests/json.ts';
import type { RequestContext } from '../../manifests/protocol/frames.ts';

/** A hook point as the component that fires it sees it. */
export interface HookPoint {
  readonly name: HookName;
  /** False: nobody taps it, and firing it would do nothing. One property read. */
  isUsed(): boolean;
  /**
   * Fires it and resolves with the value as its taps left it. Never rejects because of a tap.
   * `resource` is what taps with a scoped grant are matched against: `{ paths: '/x/acme/hello/greet' }`.
   */
  fire(
    value: Json,
    options: { request: RequestContext | null; resource?: Record<string, string> },
  ): Promise<Json>;
}
