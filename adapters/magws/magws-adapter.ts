import type { ComponentAdapter, ComponentEvent, HookContext, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW, type Decision, type Demand } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import type {
  CollectPoint,
  GuardPoint,
  ObservePoint,
  RegisterPoint,
  TransformPoint,
} from '../../kernel/hooks/hook-point.ts';
import type { Caller } from '../../kernel/ports.ts';
import type { Json } from '../../manifests/json.ts';
import type { ChannelContribution, ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { HostCalls } from '../../manifests/protocol/calls.ts';
import type { Channels, Room } from './ports.ts';

/** What belongs to no request belongs to the control plane. */
const CONTROL_PLANE = 't_system';
/** Of one message, as JSON. */
export const MAX_DATA_BYTES = 65_536;

/** The hook points of the component. */
export interface MagwsHooks {
  readonly registerChannel: RegisterPoint<'channels'>;
  readonly subscribeToEvent: GuardPoint;
  readonly broadcastAdapter: TransformPoint;
  readonly presenceStream: ObservePoint;
  readonly messageHistory: CollectPoint;
  readonly replayEvents: CollectPoint;
}

export interface MagwsAdapter extends ComponentAdapter {
  readonly component: 'magws';
  /** @throws `E_INTERNAL` before `registerHooks` */
  hooks(): MagwsHooks;
  /** Connects the component, before the first call. */
  serve(channels: Channels): void;
}

export function createMagwsAdapter(): MagwsAdapter {
  return new ChannelsOfExtensions();
}

class ChannelsOfExtensions implements MagwsAdapter {
  readonly component = 'magws';
  #kernel: HookRegistrar | null = null;
  #hooks: MagwsHooks | null = null;
  #channels: Channels | null = null;

  registerHooks(kernel: HookRegistrar): void {
    this.#hooks = {
      registerChannel: kernel.register('magws', 'magws.register_channel'),
      subscribeToEvent: kernel.register('magws', 'magws.subscribe_to_event'),
      broadcastAdapter: kernel.register('magws', 'magws.broadcast_adapter'),
      presenceStream: kernel.register('magws', 'magws.presence_stream'),
      messageHistory: kernel.register('magws', 'magws.message_history'),
      replayEvents: kernel.register('magws', 'magws.replay_events'),
    };
    this.#kernel = kernel;
  }

  hooks(): MagwsHooks {
    return this.#hooks ?? unregistered();
  }

  serve(channels: Channels): void {
    this.#channels = channels;
  }

  demands(hook: string, params: Json, extension: ExtensionId): readonly Demand[] {
    const capability = callOf(hook) === 'broadcast' ? 'realtime.broadcast' : 'realtime.register_channel';
    const { channel } = params as { channel: string };
    return [{ capability, resource: { channels: `${extension}/${channel}` } }];
  }

  async executeHook(hook: string, { caller, params }: HookContext): Promise<Json> {
    if (callOf(hook) === 'broadcast')
      return this.#broadcast(caller, params as HostCalls['realtime.broadcast']['params']);
    const { channel } = params as HostCalls['realtime.presence']['params'];
    const { room } = declaredOf(caller, channel);
    return (await this.#component().presence(room)) as unknown as Json;
  }

  validateCapability(): Decision {
    return ALLOW;
  }

  async emitEvent(event: ComponentEvent): Promise<void> {
    await (this.#kernel ?? unregistered()).publish('magws', event);
  }

  async forget(extension: ExtensionId): Promise<void> {
    await this.#component().forget(extension);
  }

  #broadcast(caller: Caller, { channel, data }: HostCalls['realtime.broadcast']['params']): Promise<Json> {
    const { room, declared } = declaredOf(caller, channel);
    if (Buffer.byteLength(JSON.stringify(data)) > MAX_DATA_BYTES)
      throw new MagError('E_PARAMS', 'the data of a message is at most 64 KiB');
    return this.#component().broadcast(room, data, { keep: declared.history, request: caller.request });
  }

  #component(): Channels {
    return this.#channels ?? unregistered();
  }
}

/** Its own channels only, in the tenant it acts for. */
function declaredOf(
  { extension, manifest, request }: Caller,
  channel: string,
): { room: Room; declared: ChannelContribution } {
  const declared = manifest.contributes.channels.find(({ name }) => name === channel);
  if (declared === undefined)
    throw new MagError('E_NOT_FOUND', `the manifest of ${manifest.id} names no channel ${channel}`);
  return { room: { extension, channel, tenantId: request?.tenantId ?? CONTROL_PLANE }, declared };
}

function callOf(hook: string): 'broadcast' | 'presence' {
  if (hook === 'broadcast' || hook === 'presence') return hook;
  throw new MagError('E_NOT_FOUND', `There is no host call realtime.${JSON.stringify(hook.slice(0, 80))}.`);
}

function unregistered(): never {
  throw new MagError('E_INTERNAL', 'The adapter of channels is used before it was registered.');
}
