import type { EndpointHost, ServedEndpoint } from '../../../kernel/operator.ts';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import type { EndpointContribution, ExtensionId } from '../../../manifests/manifest/manifest.ts';
import type { GuestTarget, RequestContext } from '../../../manifests/protocol/frames.ts';

export interface GuestCall {
  readonly extension: ExtensionId;
  readonly target: GuestTarget;
  readonly payload: JsonObject;
  readonly request: RequestContext | null;
}

/** Serves endpoints whose answers a test decides. Everything crosses as JSON, as it does to a cell. */
export class TestEndpoints implements EndpointHost {
  readonly calls: GuestCall[] = [];
  answer: (call: GuestCall) => Json | Promise<Json> = ({ payload }) => ({ status: 200, body: payload });
  reason: Awaited<ReturnType<EndpointHost['whyNot']>> = 'E_NOT_FOUND';
  #served: ServedEndpoint[] = [];
  #listeners: (() => void)[] = [];

  serve(extension: ExtensionId, ...endpoints: EndpointContribution[]): void {
    this.#served = [
      ...this.#served.filter((served) => served.extension !== extension),
      ...endpoints.map((endpoint) => ({ extension, endpoint })),
    ];
    for (const listener of this.#listeners) listener();
  }

  endpoints(): readonly ServedEndpoint[] {
    return this.#served;
  }

  onEndpointsChanged(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async whyNot(): ReturnType<EndpointHost['whyNot']> {
    return this.reason;
  }

  async invoke(
    extension: ExtensionId,
    target: GuestTarget,
    payload: Json,
    request: RequestContext | null,
  ): Promise<Json> {
    const call = { extension, target, payload: JSON.parse(JSON.stringify(payload)) as JsonObject, request };
    this.calls.push(call);
    return JSON.parse(JSON.stringify(await this.answer(call))) as Json;
  }

  get lastCall(): GuestCall {
    const call = this.calls.at(-1);
    if (!call) throw new Error('no endpoint was called');
    return call;
  }
}
