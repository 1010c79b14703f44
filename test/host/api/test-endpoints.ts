import { LiveRegisterPoint } from '../../../kernel/hooks/register-point.ts';
import type { EndpointHost } from '../../../kernel/operator.ts';
import type { EndpointAnswer, GuestStream } from '../../../kernel/sandbox/cell.ts';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import type {
  EndpointContribution,
  ExtensionId,
  VersionContribution,
} from '../../../manifests/manifest/manifest.ts';
import type { GuestTarget, RequestContext } from '../../../manifests/protocol/frames.ts';
import { callerOf } from '../../adapters/adapter-contract.ts';

export interface GuestCall {
  readonly extension: ExtensionId;
  readonly target: GuestTarget;
  readonly payload: JsonObject;
  readonly request: RequestContext | null;
}

/** Of version 1 if it says nothing else. */
type TestEndpoint = Omit<EndpointContribution, 'version'> & { version?: number };

/** Serves endpoints whose answers a test decides. Everything crosses as JSON, as it does to a cell. */
export class TestEndpoints implements EndpointHost {
  readonly calls: GuestCall[] = [];
  /** Of whom an answer was counted as failed. */
  readonly failed: ExtensionId[] = [];
  answer: (call: GuestCall) => Json | Promise<Json> = ({ payload }) => ({ status: 200, body: payload });
  /** What the answer streams. */
  stream: (call: GuestCall) => GuestStream | null = () => null;
  reason: Awaited<ReturnType<EndpointHost['whyNot']>> = 'E_NOT_FOUND';
  /** What the adapter of the gateway registers. */
  readonly point = new LiveRegisterPoint('maggate.register_endpoint', 'endpoints');
  readonly versions = new LiveRegisterPoint('maggate.add_version', 'versions');

  serve(extension: ExtensionId, ...served: TestEndpoint[]): void {
    this.serveVersions(extension, [], ...served);
  }

  /** With what is said of versions beside the endpoints that are of them. */
  serveVersions(extension: ExtensionId, versions: VersionContribution[], ...served: TestEndpoint[]): void {
    const { manifest } = callerOf(extension);
    const endpoints = served.map((endpoint) => ({ version: 1, ...endpoint }));
    const declared = { ...manifest, contributes: { ...manifest.contributes, endpoints, versions } };
    this.point.declare(declared);
    this.versions.declare(declared);
  }

  async whyNot(): ReturnType<EndpointHost['whyNot']> {
    return this.reason;
  }

  answerFailed(id: ExtensionId): void {
    this.failed.push(id);
  }

  async invoke(
    extension: ExtensionId,
    target: GuestTarget,
    payload: Json,
    request: RequestContext | null,
  ): Promise<EndpointAnswer> {
    const call = { extension, target, payload: JSON.parse(JSON.stringify(payload)) as JsonObject, request };
    this.calls.push(call);
    return { value: JSON.parse(JSON.stringify(await this.answer(call))) as Json, stream: this.stream(call) };
  }

  get lastCall(): GuestCall {
    const call = this.calls.at(-1);
    if (!call) throw new Error('no endpoint was called');
    return call;
  }
}
