import { addKey, removePublisher } from '../kernel/trust/policy-edit.ts';
import type { TrustAdmin } from './api/services.ts';
import { editTrustPolicy, readTrustPolicy } from './packaging/index.ts';

/** The trust policy in the data folder, as the API edits it. */
export function createTrustAdmin(dataDir: string): TrustAdmin {
  return {
    policy: () => readTrustPolicy(dataDir),
    addKey: async (key) => void (await editTrustPolicy(dataDir, (policy) => addKey(policy, key))),
    remove: async (publisher, keyId) => {
      await editTrustPolicy(dataDir, (policy) => removePublisher(policy, publisher, new Date(), keyId));
    },
  };
}
