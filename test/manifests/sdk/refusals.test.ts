import { describe, expect, it } from 'vitest';
import { ExtensionError, refusals } from '#sdk';
import { createInvocation, createRecordingContext, createRequest } from '#sdk/testing';

const { endpoint, command } = refusals({
  type: 'urn:acme:shop',
  statuses: { SOLD_OUT: 409, UNKNOWN: 404 },
  foreign: { E_NOT_FOUND: 'UNKNOWN' },
  headers: ({ message }) => (message === 'none left' ? { etag: '"3"' } : {}),
});
const ctx = createRecordingContext();
const soldOut = new ExtensionError('SOLD_OUT', 'none left');
const coded = (code: unknown) => Object.assign(new Error('of somebody else'), { code });
const throwing = (thrown: unknown) => () => Promise.reject(thrown);

describe('refusals', () => {
  it('answers an error with one of the codes as a problem', async () => {
    expect(await endpoint(throwing(soldOut))(createRequest(), ctx)).toEqual({
      status: 409,
      headers: { 'content-type': 'application/problem+json', etag: '"3"' },
      body: {
        type: 'urn:acme:shop:SOLD_OUT',
        title: 'SOLD_OUT',
        status: 409,
        code: 'SOLD_OUT',
        detail: 'none left',
        traceId: ctx.request?.traceId ?? '',
      },
    });
  });

  it('says it in a command', async () => {
    expect(await command(throwing(soldOut))(createInvocation('buy'), ctx)).toEqual({
      text: 'SOLD_OUT: none left',
      data: { error: { code: 'SOLD_OUT', detail: 'none left' } },
      exitCode: 1,
    });
  });

  it('takes what a handler throws before it waits for anything', async () => {
    const handler = endpoint(() => {
      throw soldOut;
    });
    expect(await handler(createRequest(), ctx)).toMatchObject({ status: 409 });
  });

  it('tells what the host says as one of the codes, where it is named', async () => {
    const answer = await endpoint(throwing(coded('E_NOT_FOUND')))(createRequest(), ctx);
    expect(answer).toMatchObject({ status: 404, body: { code: 'UNKNOWN', detail: 'of somebody else' } });
    expect(answer.headers).toEqual({ 'content-type': 'application/problem+json' });
  });

  it.each([
    ['an error with another code', new ExtensionError('OTHER', 'x')],
    ['one named like a member of every object', new ExtensionError('toString', 'x')],
    ['an error of somebody else with a code like ours', coded('SOLD_OUT')],
    ['a code of the host that is not named', coded('E_DB')],
    ['a code that is none', coded(409)],
    ['an error without a code', new TypeError('x')],
    ['what is no error', 'SOLD_OUT'],
  ])('leaves %s to the host', async (_what, thrown) => {
    await expect(endpoint(throwing(thrown))(createRequest(), ctx)).rejects.toBe(thrown);
    await expect(command(throwing(thrown))(createInvocation('buy'), ctx)).rejects.toBe(thrown);
  });

  it('leaves alone what is answered', async () => {
    expect(await endpoint(({ path }) => ({ body: path }))(createRequest(), ctx)).toEqual({ body: '/' });
    expect(await command(() => ({ text: 'yes' }))(createInvocation('buy'), ctx)).toEqual({ text: 'yes' });
  });

  it('keeps to the codes it knows, when it is compiled', () => {
    class Refusal extends ExtensionError<'SOLD_OUT'> {}
    expect(new Refusal('SOLD_OUT', 'x')).toBeInstanceOf(ExtensionError);
    // @ts-expect-error: no code of the extension
    new Refusal('SOLD', 'x');
    // @ts-expect-error: leads to no code of the extension
    refusals({ type: 'urn:acme:shop', statuses: { SOLD_OUT: 409 }, foreign: { E_DB: 'BROKEN' as const } });
  });
});
