import { describe, expect, it } from 'vitest';
import { createNoopContext, createRecordingContext } from '#sdk/testing';

describe('createRecordingContext', () => {
  it('remembers every call with its arguments', async () => {
    const ctx = createRecordingContext({ query: () => ({ rows: [{ name: 'Ada' }] }) });
    ctx.log.info('hello', { a: 1 });
    expect(await ctx.db.queryOne('select name from users where id = $1', [1])).toEqual({ name: 'Ada' });
    await ctx.events.publish('acme.hello.greeted', { n: 1 });
    expect(ctx.calls).toEqual([
      { name: 'log.info', args: ['hello', { a: 1 }] },
      { name: 'db.query', args: ['select name from users where id = $1', [1]] },
      { name: 'events.publish', args: ['acme.hello.greeted', { n: 1 }, {}] },
    ]);
  });

  it('remembers where a transaction begins and how it ends', async () => {
    const ctx = createRecordingContext();
    const published = await ctx.db.transaction(async (tx) => {
      await tx.query('insert into notes values (1)');
      return ctx.events.publishInTransaction(tx, 'acme.hello.noted', { n: 1 });
    });
    expect(published).toEqual({ eventId: 'event-1' });
    await expect(ctx.db.transaction((tx) => tx.queryOne('select 1').then(() => fail()))).rejects.toThrow(
      'no',
    );
    expect(ctx.calls.map(({ name }) => name)).toEqual([
      'db.begin',
      'db.query',
      'events.publishInTransaction',
      'db.commit',
      'db.begin',
      'db.query',
      'db.rollback',
    ]);
  });

  it('keeps state with versions, as the host does', async () => {
    const { state } = createRecordingContext();
    expect(await state.get('a')).toBeNull();
    expect(await state.compareAndSet('a', 1, 0)).toEqual({ swapped: true, version: 1 });
    expect(await state.compareAndSet('a', 2, 0)).toEqual({ swapped: false, version: 1 });
    expect(await state.set('a', 3)).toEqual({ version: 2 });
    expect(await state.getVersioned('a')).toEqual({ value: 3, version: 2 });
    await state.set('b', 4);
    expect((await state.list({ after: 'a' })).map(({ key }) => key)).toEqual(['b']);
    expect(await state.delete('a')).toBe(true);
    expect(await state.delete('a')).toBe(false);
  });

  it('lets errors of the host be played', async () => {
    const ctx = createRecordingContext({
      query: () => {
        throw Object.assign(new Error('not granted'), { code: 'E_CAP_REVOKED' });
      },
    });
    await expect(ctx.db.query('select 1')).rejects.toMatchObject({ code: 'E_CAP_REVOKED' });
  });

  it('aborts once, and tells who listens', () => {
    const ctx = createRecordingContext();
    let told = 0;
    ctx.signal.addEventListener('abort', () => {
      told += 1;
    });
    ctx.signal.throwIfAborted();
    ctx.abort();
    ctx.abort();
    expect([ctx.signal.aborted, told]).toEqual([true, 1]);
    expect(() => ctx.signal.throwIfAborted()).toThrow();
  });
});

function fail(): never {
  throw new Error('no');
}

describe('ctx.db of a test', () => {
  it('remembers databases that were made', async () => {
    const ctx = createRecordingContext();
    await ctx.db.createDatabase({ name: 'orders', project: 'shop' });
    const [made] = await ctx.db.listDatabases();
    expect(made).toMatchObject({ project: 'shop', name: 'orders' });
    expect(ctx.calls.map(({ name }) => name)).toEqual(['db.createDatabase', 'db.listDatabases']);
  });
});

describe('createNoopContext', () => {
  it('answers with nothing', async () => {
    const ctx = createNoopContext();
    expect(await ctx.db.query('select 1')).toEqual({ rows: [], rowCount: 0 });
    expect(ctx.request).toBeNull();
  });
});

describe('ctx.metrics, ctx.secrets and ctx.keys of a test', () => {
  it('remember what is counted and measured', async () => {
    const ctx = createRecordingContext();
    await ctx.metrics.counter('greetings').inc();
    await ctx.metrics.gauge('open').set(3, { kind: 'a' });
    await ctx.metrics.gauge('open').dec();
    await ctx.metrics.histogram('seconds').observe(0.2);
    expect(ctx.calls).toEqual([
      { name: 'metrics.counter', args: ['greetings', 'inc', 1, {}] },
      { name: 'metrics.gauge', args: ['open', 'set', 3, { kind: 'a' }] },
      { name: 'metrics.gauge', args: ['open', 'dec', 1, {}] },
      { name: 'metrics.histogram', args: ['seconds', 'observe', 0.2, {}] },
    ]);
  });

  it('have the secrets and keys that the test names', async () => {
    const { secrets, keys } = createRecordingContext({ secrets: { KEY: 'value' }, keys: ['receipts'] });
    expect(await secrets.get('KEY')).toBe('value');
    await expect(secrets.get('toString')).rejects.toMatchObject({ code: 'E_SECRET_MISSING' });
    const { signature, keyId } = await keys.sign('receipts', 'é');
    expect(signature).toHaveLength(64);
    expect(await keys.verify('receipts', new TextEncoder().encode('é'), signature, { keyId })).toBe(true);
    expect(await keys.verify('receipts', 'e', signature)).toBe(false);
    expect(await keys.verify('receipts', 'é', signature, { keyId: 'another' })).toBe(false);
    expect((await keys.publicKey('receipts')).jwk.kid).toBe(keyId);
    const [header = '', payload = ''] = (await keys.jws('receipts', { a: 1 }, { typ: 'x' })).split('.');
    expect(JSON.parse(atob(header))).toEqual({ typ: 'x', alg: 'EdDSA', kid: keyId });
    expect(JSON.parse(atob(payload))).toEqual({ a: 1 });
    await expect(keys.sign('others', 'x')).rejects.toMatchObject({ code: 'E_KEY_UNKNOWN' });
    await expect(keys.verify('others', 'x', signature)).rejects.toMatchObject({ code: 'E_KEY_UNKNOWN' });
  });
});

describe('ctx.http and ctx.files of a test', () => {
  it('play answers and remember what was asked', async () => {
    const ctx = createRecordingContext({
      fetch: (url) => ({ status: 201, headers: { 'content-type': 'text/plain' }, body: `from ${url} é` }),
    });
    const response = await ctx.http.fetch('https://api.example.com/a', { method: 'POST' });
    expect([response.status, response.ok, response.headers.get('Content-Type')]).toEqual([
      201,
      true,
      'text/plain',
    ]);
    expect(await response.text()).toBe('from https://api.example.com/a é');
    expect(Buffer.from(await response.arrayBuffer()).toString()).toBe('from https://api.example.com/a é');
    expect(ctx.calls).toEqual([
      { name: 'http.fetch', args: ['https://api.example.com/a', { method: 'POST' }] },
    ]);
  });

  it('keep files in memory', async () => {
    const { files } = createRecordingContext();
    await files.write('a/b', 'x');
    await files.write('c', new Uint8Array([1]));
    expect((await files.list()).map(({ name, kind }) => [name, kind])).toEqual([
      ['a', 'folder'],
      ['c', 'file'],
    ]);
    expect(await files.read('a/b')).toBe('x');
    expect(await files.readBytes('c')).toEqual(new Uint8Array([1]));
    expect([await files.remove('a'), await files.remove('a')]).toEqual([true, false]);
    await expect(files.read('a/b')).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
    expect(await files.temp('.txt')).toMatch(/^temp\/.+\.txt$/);
  });
});
