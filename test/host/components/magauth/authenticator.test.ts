import { describe, expect, it } from 'vitest';
import { createAuthenticator } from '../../../../host/components/magauth/authenticator.ts';
import type { TokenRecord, TokenStore } from '../../../../host/components/magauth/ports.ts';
import { mayCall } from '../../../../host/components/magauth/roles.ts';

const GOOD = 'mag_1_abc';

/** Counts what it is asked; `answer` decides. */
function setUp(record: Partial<TokenRecord> = {}) {
  const token: TokenRecord = {
    kind: 'token',
    id: '1',
    name: 'ci',
    role: 'author',
    tenantId: 't_system',
    principal: null,
    readOnly: false,
    paths: null,
    createdAt: new Date(0),
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
    ...record,
  };
  const world = { now: 0, asked: 0, fails: false, known: true };
  const store: Pick<TokenStore, 'authenticate'> = {
    async authenticate(text) {
      world.asked++;
      if (world.fails) throw new Error('down');
      return text === GOOD && world.known ? token : null;
    },
  };
  const authenticator = createAuthenticator(store as TokenStore, () => world.now);
  return { world, authenticator, ask: async (header?: string) => authenticator.authenticate(header) };
}

describe('the authenticator', () => {
  it.each([`Bearer ${GOOD}`, `bearer ${GOOD}`, `BEARER  ${GOOD} `])(
    'knows the sender of %j',
    async (header) => {
      expect((await setUp().ask(header))?.id).toBe('1');
    },
  );

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    GOOD,
    `Basic ${GOOD}`,
    `Bearer ${GOOD} x`,
    `Bearer ${'a'.repeat(513)}`,
    'Bearer \u00e9',
  ])('does not even ask about %j', async (header) => {
    const { world, ask } = setUp();
    expect(await ask(header)).toBeNull();
    expect(world.asked).toBe(0);
  });

  it('asks once in a second, and answers from memory without a promise', async () => {
    const { world, authenticator, ask } = setUp();
    await Promise.all([ask(`Bearer ${GOOD}`), ask(`Bearer ${GOOD}`)]);
    expect(world.asked).toBe(1);
    world.now = 999;
    expect(authenticator.authenticate(`Bearer ${GOOD}`)).toMatchObject({ id: '1' });
    world.now = 1_000;
    world.known = false;
    expect(await ask(`Bearer ${GOOD}`)).toBeNull();
    expect(world.asked).toBe(2);
  });

  it('remembers that a token is unknown, too', async () => {
    const { world, ask } = setUp();
    for (let i = 0; i < 5; i++) expect(await ask('Bearer guess')).toBeNull();
    expect(world.asked).toBe(1);
  });

  it('forgets when it is told to', async () => {
    const { world, authenticator, ask } = setUp();
    await ask(`Bearer ${GOOD}`);
    world.known = false;
    authenticator.forget();
    expect(await ask(`Bearer ${GOOD}`)).toBeNull();
  });

  it('does not let a token live on in memory', async () => {
    const { world, ask } = setUp({ expiresAt: new Date(500) });
    expect(await ask(`Bearer ${GOOD}`)).not.toBeNull();
    world.now = 500;
    expect(await ask(`Bearer ${GOOD}`)).toBeNull();
  });

  it('does not remember a failure', async () => {
    const { world, ask } = setUp();
    world.fails = true;
    await expect(ask(`Bearer ${GOOD}`)).rejects.toThrow();
    world.fails = false;
    expect(await ask(`Bearer ${GOOD}`)).not.toBeNull();
  });
});

describe('roles at endpoints', () => {
  it.each([
    ['user', 'user', true],
    ['author', 'user', true],
    ['author', 'operator', false],
    ['operator', 'operator', true],
    ['owner', 'anything', true],
    ['operator', 'owner', false],
  ])('%s at an endpoint for %s: %s', (role, wanted, may) => {
    expect(mayCall([role], wanted)).toBe(may);
    expect(mayCall([], wanted)).toBe(wanted === 'user');
  });
});
