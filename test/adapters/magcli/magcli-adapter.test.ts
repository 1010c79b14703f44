import { createMagcliAdapter } from '../../../adapters/magcli/index.ts';
import { describeAdapterContract } from '../adapter-contract.ts';

describeAdapterContract({
  component: 'magcli',
  event: {
    type: 'extension.error',
    data: { extension: 'a/b', version: '1.0.0', code: 'E_PARAMS', detail: '' },
  },
  create: async () => ({ adapter: createMagcliAdapter(), dispose: async () => undefined }),
});
