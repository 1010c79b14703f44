import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenStore } from '../../../host/components/magauth/ports.ts';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { createTokenStore } from '../../../host/storage/token-store.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

describe('TokenStore', () => {
  let test: TestDatabase;
  let database: Database;
  let store: TokenStore;
  beforeAll(async () => {
    test = await createTestDatabase();
    database = await openDatabase(test.url);
    store = createTokenStore(database);
  });
  afterAll(async () => {
    await database.close();
    await test.drop();
  });
  const create = (expiresAt?: Date) =>
    store.create({ name: 'ci', role: 'operator', tenantId: 't1', ...(expiresAt && { expiresAt }) });

  it('knows the one it made, and notes that it was used', async () => {
    const { id, token } = await create();
    expect(token.startsWith(`mag_${id}_`)).toBe(true);
    expect(await store.authenticate(token)).toMatchObject({
      id,
      name: 'ci',
      role: 'operator',
      tenantId: 't1',
    });
    const [listed] = await store.list();
    expect(listed).toMatchObject({ id, revokedAt: null, expiresAt: null, lastUsedAt: expect.any(Date) });
    await store.authenticate(token);
    expect((await store.list())[0]?.lastUsedAt).toEqual(listed?.lastUsedAt);
  });

  it('keeps nothing the token could be made from', async () => {
    const { id, token } = await create();
    const secret = token.slice(`mag_${id}_`.length);
    const { rows } = await test.pool.query(
      'SELECT t::text AS row, secret_sha256 FROM mag.tokens t WHERE id = $1',
      [id],
    );
    expect(rows[0].row).not.toContain(secret);
    expect(rows[0].secret_sha256).toEqual(createHash('sha256').update(secret).digest());
    expect(JSON.stringify(await store.list())).not.toContain(secret);
    expect(await store.authenticate(token)).not.toHaveProperty('secret');
  });

  it('refuses another secret, another id and what is no token', async () => {
    const one = await create();
    const two = await create();
    const mixed = one.token.replace(one.id, two.id);
    const unknown = one.token.replace(one.id, '0'.repeat(16));
    for (const token of [mixed, unknown, '', 'mag__', `${one.token}0`, one.token.toUpperCase(), '\0']) {
      expect(await store.authenticate(token)).toBeNull();
    }
  });

  it('refuses an expired one', async () => {
    const { token } = await create(new Date(Date.now() - 1_000));
    expect(await store.authenticate(token)).toBeNull();
    const later = await create(new Date(Date.now() + 3_600_000));
    expect(await store.authenticate(later.token)).not.toBeNull();
  });

  it('refuses a revoked one at once', async () => {
    const { id, token } = await create();
    expect(await store.authenticate(token)).not.toBeNull();
    expect(await store.revoke(id)).toBe(true);
    expect(await store.authenticate(token)).toBeNull();
    expect(await store.revoke(id)).toBe(false);
    expect(await store.revoke('nothing')).toBe(false);
  });
});
