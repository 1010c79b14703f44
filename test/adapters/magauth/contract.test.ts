import { createMagauthAdapter } from '../../../adapters/magauth/index.ts';
import { describeAdapterContract } from '../adapter-contract.ts';

describeAdapterContract({
  component: 'magauth',
  event: { type: 'auth.user.logout', data: { principal: 'user:1', session: '2' } },
  create: async () => ({ adapter: createMagauthAdapter(), dispose: async () => {} }),
});
