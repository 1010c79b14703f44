import type { TrustAdmin } from '../../../host/api/services.ts';
import { EMPTY_POLICY, type TrustPolicy } from '../../../kernel/trust/policy.ts';
import { addKey, type KeyToTrust, removePublisher } from '../../../kernel/trust/policy-edit.ts';

/** The kernel's own edits, on a policy without a file. */
export class TestTrust implements TrustAdmin {
  #policy: TrustPolicy = EMPTY_POLICY;

  async policy(): Promise<TrustPolicy> {
    return this.#policy;
  }

  async addKey(key: KeyToTrust): Promise<void> {
    this.#policy = addKey(this.#policy, key);
  }

  async remove(publisher: string, keyId?: string): Promise<void> {
    this.#policy = removePublisher(this.#policy, publisher, new Date(), keyId);
  }
}
