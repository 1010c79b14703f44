import { describe, expect, it } from 'vitest';
import { createMaggateAdapter } from '../../../adapters/maggate/index.ts';
import { describeAdapterContract, RecordingRegistrar } from '../adapter-contract.ts';

describeAdapterContract({
  component: 'maggate',
  create: async () => ({ adapter: createMaggateAdapter(), dispose: async () => {} }),
  event: {
    type: 'api.request.received',
    data: { extension: 'acme/hello', method: 'GET', path: '/x/acme/hello/greet' },
  },
});

describe('the gateway adapter', () => {
  it('hands its hook points to the gateway once they are registered', () => {
    const adapter = createMaggateAdapter();
    expect(() => adapter.hooks()).toThrow(expect.objectContaining({ code: 'E_INTERNAL' }));
    adapter.registerHooks(new RecordingRegistrar());
    const { wrapRequest, transformResponse } = adapter.hooks();
    expect([wrapRequest.name, transformResponse.name]).toEqual([
      'maggate.wrap_request',
      'maggate.transform_response',
    ]);
  });

  it('offers no host call', async () => {
    const adapter = createMaggateAdapter();
    const refused = expect.objectContaining({ code: 'E_NOT_FOUND' });
    expect(() => adapter.demands('x'.repeat(10_000), {}, 'acme/hello')).toThrow(refused);
    await expect(adapter.executeHook('serve', {} as never)).rejects.toThrow(refused);
  });
});
