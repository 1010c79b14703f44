import { createMaguiAdapter } from '../../../adapters/magui/index.ts';
import { describeAdapterContract } from '../adapter-contract.ts';

describeAdapterContract({
  component: 'magui',
  event: {
    type: 'extension.error',
    data: { extension: 'a/b', version: '1.0.0', code: 'E_PARAMS', detail: '' },
  },
  create: async () => ({ adapter: createMaguiAdapter(), dispose: async () => undefined }),
});
