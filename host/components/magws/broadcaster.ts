import { type Channels, MAX_DATA_BYTES } from '../../../adapters/magws/index.ts';
import { codeOf, MagError } from '../../../kernel/errors.ts';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import { nameOf } from './desk.ts';
import type { RealtimeParts } from './ports.ts';

/** What extensions may do with their channels. @param sent counts */
export function createBroadcaster({ store, hooks, emit, logger }: RealtimeParts, sent: () => void): Channels {
  return {
    async broadcast(room, data, { keep, request }) {
      const channel = nameOf(room);
      const { broadcastAdapter } = hooks;
      let said: Json = data;
      if (broadcastAdapter.isUsed()) {
        const value = { channel, tenantId: room.tenantId, data };
        const changed = await broadcastAdapter.fire(value, { request, resource: { channels: channel } });
        said = (changed as JsonObject).data ?? null;
      }
      const text = JSON.stringify(said);
      const bytes = Buffer.byteLength(text);
      if (bytes > MAX_DATA_BYTES) throw new MagError('E_PARAMS', 'the data of a message is at most 64 KiB');
      const { sequence } = await store.append(room, text, keep);
      sent();
      const event = { type: 'realtime.message.sent', data: { channel, sequence, bytes } };
      emit({ ...event, context: { tenant_id: room.tenantId } }).catch((failure: unknown) =>
        logger.warn({ channel, code: codeOf(failure) }, 'a message could not be told'),
      );
      return { sequence };
    },
    presence: (room) => store.presence(room),
    forget: (extension) => store.forget(extension),
  };
}
