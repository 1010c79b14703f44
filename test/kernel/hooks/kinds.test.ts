import { describe, expect, it, vi } from 'vitest';
import { codeOf, MagError } from '../../../kernel/errors.ts';
import { LiveCollectPoint } from '../../../kernel/hooks/collect-point.ts';
import { LiveGuardPoint } from '../../../kernel/hooks/guard-point.ts';
import { LiveObservePoint } from '../../../kernel/hooks/observe-point.ts';
import { LiveRegisterPoint } from '../../../kernel/hooks/register-point.ts';
import type { TappedPoint } from '../../../kernel/hooks/tapped-point.ts';
import { LiveTransformPoint } from '../../../kernel/hooks/transform-point.ts';
import type { TappedRow } from '../../../manifests/catalog/index.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import { callerOf } from '../../adapters/adapter-contract.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { tapOf } from './tap-of.ts';

const NAME = 'maggate.wrap_request';
const OPTIONS = { request: null };
const row = (members: Partial<TappedRow>): TappedRow => ({
  component: 'maggate',
  kind: 'guard',
  meaning: 'Of the tests.',
  capability: 'api.intercept_request',
  budgetMs: 1_000,
  payload: true,
  ...members,
});
/** What arrives from a guest that threw an error with a code. */
const thrownByGuest = (code: string) =>
  new MagError('E_EXTENSION', 'failed', { cause: Object.assign(new Error('Not at noon.'), { code }) });
const throwing = (error: unknown) => async () => Promise.reject(error);
const tap = (point: TappedPoint, id: `${string}/${string}`, call: () => Promise<null>, order = 100) =>
  point.replace(id, tapOf(id, call, { order }));

describe('who fails', () => {
  const request: RequestContext = {
    tenantId: 't_acme',
    env: 'default',
    principal: { id: 'token:1', name: 'ci', role: 'user' },
    membership: null,
    mode: null,
    traceId: '0af7651916cd43dd8448eb211c80319c',
  };
  const blame = { extension: 'acme/broken', version: '1.0.0', hook: NAME, call: request.traceId };

  it('is named with its version, the hook, the trace of the call and its own code, skipped or obeyed', async () => {
    const warn = vi.fn();
    const open = new LiveGuardPoint(NAME, row({ failsOpen: true }), { ...silentLogger, warn });
    tap(open, 'acme/broken', throwing(new MagError('E_LIMIT_WALL', 'too late')));
    await open.ask({}, { request });
    const observers = new LiveObservePoint(NAME, row({ kind: 'observe' }), { ...silentLogger, warn });
    tap(observers, 'acme/broken', throwing(thrownByGuest('DISK_FULL')));
    observers.tell({}, { request });
    await vi.waitFor(() => expect(warn).toHaveBeenCalledTimes(2));
    expect(warn.mock.calls.map(([fields]) => fields)).toEqual([
      { ...blame, code: 'E_LIMIT_WALL', reason: 'too late' },
      { ...blame, code: 'DISK_FULL', reason: 'Not at noon.' },
    ]);

    const closed = new LiveTransformPoint(NAME, row({ kind: 'transform', failsClosed: true }), silentLogger);
    tap(closed, 'acme/broken', throwing(new Error('of the host')));
    await expect(closed.fire({}, { request })).rejects.toMatchObject({ code: 'E_EXTENSION', blame });
    const veto = new LiveTransformPoint(NAME, row({ kind: 'transform', mayVeto: true }), silentLogger);
    tap(veto, 'acme/broken', throwing(thrownByGuest('NOT_AT_NOON')));
    await expect(veto.fire({}, { request })).rejects.toMatchObject({
      blame: { ...blame, code: 'NOT_AT_NOON' },
    });
  });
});

describe('a guard', () => {
  const guard = (members: Partial<TappedRow> = {}) => new LiveGuardPoint(NAME, row(members), silentLogger);

  it('lets pass what no tap is against, whatever it returns', async () => {
    const point = guard();
    expect(point.isUsed()).toBe(false);
    point.replace(
      'acme/a',
      tapOf('acme/a', async () => ({ veto: true })),
    );
    await expect(point.ask({}, OPTIONS)).resolves.toBeUndefined();
    expect(point.isUsed()).toBe(true);
  });

  it('is against it with the code and message of the extension, and asks nobody else', async () => {
    const point = guard();
    const later = vi.fn(async () => null);
    tap(point, 'acme/later', later, 200);
    tap(point, 'acme/no', throwing(thrownByGuest('NOT_AT_NOON')));
    await expect(point.ask({}, OPTIONS)).rejects.toMatchObject({
      code: 'E_VETO',
      message: 'Not at noon.',
      blame: { extension: 'acme/no', version: '1.0.0', hook: NAME, code: 'NOT_AT_NOON' },
    });
    expect(later).not.toHaveBeenCalled();
  });

  it.each([
    ['one without a code', thrownByGuest('')],
    ['one with a code of ours', thrownByGuest('E_AUTH_REQUIRED')],
    ['a limit', new MagError('E_LIMIT_WALL', 'too late')],
    ['a fault', new Error('of the host')],
  ])('fails closed when a tap throws %s', async (_what, error) => {
    const point = guard();
    tap(point, 'acme/broken', throwing(error));
    const veto = await point.ask({}, OPTIONS).catch((thrown: MagError) => thrown);
    expect(veto).toMatchObject({ code: 'E_VETO', blame: { extension: 'acme/broken' } });
    expect((veto as MagError).blame.code).toBeUndefined();
  });

  it('fails open only where the catalogue says so, and even there a veto is one', async () => {
    const point = guard({ failsOpen: true });
    tap(point, 'acme/broken', throwing(new MagError('E_LIMIT_WALL', 'too late')));
    await expect(point.ask({}, OPTIONS)).resolves.toBeUndefined();
    tap(point, 'acme/broken', throwing(thrownByGuest('TOO_MANY')));
    await expect(point.ask({}, OPTIONS)).rejects.toMatchObject({ blame: { code: 'TOO_MANY' } });
  });

  it('counts a tap it has no time for as against it', async () => {
    const point = guard({ budgetMs: 0 });
    tap(point, 'acme/a', async () => null);
    expect(await point.ask({}, OPTIONS).catch(codeOf)).toBe('E_VETO');
  });
});

describe('a transform that may veto', () => {
  it('stops at a tap that throws, or returns what the schema forbids', async () => {
    const payload = { type: 'object', properties: { name: {} }, required: ['name'] };
    const point = new LiveTransformPoint(
      NAME,
      row({ kind: 'transform', payload, mayVeto: true }),
      silentLogger,
    );
    tap(point, 'acme/a', throwing(thrownByGuest('NO_SUCH_POLICY')));
    await expect(point.fire({ name: 'a' }, OPTIONS)).rejects.toMatchObject({
      blame: { code: 'NO_SUCH_POLICY' },
    });
    tap(point, 'acme/a', async () => null);
    await expect(point.fire({ name: 'a' }, OPTIONS)).rejects.toMatchObject({ code: 'E_VETO' });
  });
});

describe('observers', () => {
  it('are told without anybody waiting, and their failing reaches nobody', async () => {
    const point = new LiveObservePoint(NAME, row({ kind: 'observe' }), silentLogger);
    const told: string[] = [];
    const { promise, resolve } = Promise.withResolvers<null>();
    tap(point, 'acme/broken', throwing(new Error('broken')));
    tap(point, 'acme/slow', async () => {
      const answer = await promise;
      told.push('slow');
      return answer;
    });
    point.tell({}, OPTIONS);
    expect(told).toEqual([]);
    resolve(null);
    await vi.waitFor(() => expect(told).toEqual(['slow']));
  });
});

describe('a collection', () => {
  it('holds what each tap answered, in their order, without those that failed', async () => {
    const point = new LiveCollectPoint(
      NAME,
      row({ kind: 'collect', result: { type: 'integer' } }),
      silentLogger,
    );
    expect(await point.collect({}, OPTIONS)).toEqual([]);
    point.replace(
      'acme/b',
      tapOf('acme/b', async () => 2),
    );
    point.replace(
      'acme/a',
      tapOf('acme/a', async () => 1),
    );
    point.replace(
      'acme/first',
      tapOf('acme/first', async () => 0, { order: 1 }),
    );
    point.replace(
      'acme/wrong',
      tapOf('acme/wrong', async () => 'text'),
    );
    point.replace('acme/broken', tapOf('acme/broken', throwing(new Error('broken'))));
    expect(await point.collect({}, OPTIONS)).toEqual([
      { extension: 'acme/first', value: 0 },
      { extension: 'acme/a', value: 1 },
      { extension: 'acme/b', value: 2 },
    ]);
  });
});

describe('declarations', () => {
  const { manifest } = callerOf('acme/a');
  const endpoint = { method: 'GET', path: '/', auth: 'user', version: 1 } as const;
  const serving = { ...manifest, contributes: { ...manifest.contributes, endpoints: [endpoint] } };

  it('hold while the extension is there, and every change is told', () => {
    const point = new LiveRegisterPoint('maggate.register_endpoint', 'endpoints');
    const changed = vi.fn();
    point.onChange(changed);
    point.declare(manifest);
    expect([point.isUsed(), changed.mock.calls.length]).toEqual([false, 0]);
    point.declare(serving);
    expect(point.list()).toEqual([{ extension: 'acme/a', value: endpoint }]);
    point.declare(manifest); // the next version declares none
    expect([point.list(), changed.mock.calls.length]).toEqual([[], 2]);
  });
});
