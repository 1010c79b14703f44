import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SecretBackend } from '../../../adapters/secrets/secret-backend.ts';

export interface BackendUnderTest extends AsyncDisposable {
  /** With the shared secret `SHARED` and nothing else. */
  readonly backend: SecretBackend;
  /** The value of `SHARED` in it. */
  readonly value: string;
}

/** What every place of secrets keeps to: run it for each. */
export function describeSecretBackend(name: string, open: () => Promise<BackendUnderTest>): void {
  describe(`the contract of places of secrets: ${name}`, () => {
    let subject: BackendUnderTest;
    beforeEach(async () => {
      subject = await open();
    });
    afterEach(() => subject[Symbol.asyncDispose]());

    it('reads a shared secret, for whichever tenant', async () => {
      const { backend, value } = subject;
      for (const tenantId of [null, 't_acme'])
        expect(await backend.read({ name: 'SHARED', extension: null }, tenantId)).toEqual({
          state: 'present',
          value,
        });
    });

    it('has nothing of an extension that it was not given for it', async () => {
      const secret = { name: 'SHARED', extension: 'acme/shop' } as const;
      expect(await subject.backend.read(secret, null)).toEqual({ state: 'missing' });
    });

    it.each(['ABSENT', 'TO_STRING', 'CONSTRUCTOR'])('has no %s', async (absent) => {
      const secret = { name: absent, extension: null };
      expect(await subject.backend.read(secret, null)).toEqual({ state: 'missing' });
    });

    it('lists what it has, by name', async () => {
      const listed = await subject.backend.list();
      expect(listed).toEqual([{ name: 'SHARED', extension: null }]);
      expect(JSON.stringify(listed)).not.toContain(subject.value);
      expect(subject.backend.kind).toMatch(/^[a-z]+$/);
    });
  });
}
