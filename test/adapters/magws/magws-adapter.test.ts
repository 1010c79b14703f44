import { describe, expect, it } from 'vitest';
import { createMagwsAdapter } from '../../../adapters/magws/index.ts';
import { codeOf } from '../../../kernel/errors.ts';
import { callerOf, describeAdapterContract } from '../adapter-contract.ts';

describeAdapterContract({
  component: 'magws',
  create: async () => ({ adapter: createMagwsAdapter(), dispose: async () => {} }),
  event: { type: 'realtime.message.sent', data: { channel: 'acme/talk/room', sequence: 1, bytes: 2 } },
});

describe('the adapter of channels', () => {
  it('asks for the channel of the caller, whatever name it is given', () => {
    const adapter = createMagwsAdapter();
    expect(adapter.demands('broadcast', { channel: 'room', data: 1 }, 'acme/talk')).toEqual([
      { capability: 'realtime.broadcast', resource: { channels: 'acme/talk/room' } },
    ]);
    expect(adapter.demands('presence', { channel: 'room' }, 'acme/talk')).toEqual([
      { capability: 'realtime.register_channel', resource: { channels: 'acme/talk/room' } },
    ]);
  });

  it('knows no channel that the manifest does not name', async () => {
    const adapter = createMagwsAdapter();
    const context = { caller: callerOf('acme/talk'), params: { channel: 'room', data: 1 } };
    expect(await adapter.executeHook('broadcast', context).catch(codeOf)).toBe('E_NOT_FOUND');
  });
});
