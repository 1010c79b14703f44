import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../manifests/protocol/frames.ts';
import type { Presence } from '../../manifests/sdk/host-api.ts';

/** A channel of an extension in one tenant: who is in it hears nothing of other tenants. */
export interface Room {
  readonly extension: ExtensionId;
  readonly channel: string;
  readonly tenantId: string;
}

/** What the component behind the adapter does. Every method may throw `E_STORAGE`. */
export interface Channels {
  /** Durable when it resolves. @param keep how many messages stay for those who come later */
  broadcast(
    room: Room,
    data: Json,
    options: { readonly keep: number; readonly request: RequestContext | null },
  ): Promise<{ sequence: number }>;
  presence(room: Room): Promise<Presence>;
  /** Lets go of all that was said in channels of an extension. */
  forget(extension: ExtensionId): Promise<void>;
}
