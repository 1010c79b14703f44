import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { HostCallDesk } from '../../../kernel/sandbox/host-call-desk.ts';
import { Usage } from '../../../kernel/sandbox/usage.ts';
import type { HostFrame } from '../../../manifests/protocol/frames.ts';
import { MAX_EVENTS_PER_SECOND } from '../../../manifests/protocol/limits.ts';
import { silentLogger } from '../../support/silent-logger.ts';

let now: number;
beforeEach(() => {
  now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => vi.restoreAllMocks());

it('takes so many events in a second and no more, whatever the rate of host calls', async () => {
  const sent: HostFrame[] = [];
  const usage = new Usage();
  const desk = new HostCallDesk({
    owner: { hostCall: async () => 'null', log: () => {} },
    perSecond: MAX_EVENTS_PER_SECOND * 10,
    logger: silentLogger,
    send: (frame) => sent.push(frame) > 0,
    usage,
  });
  let id = 0;
  const ask = async (name: string) => {
    desk.take(
      { t: 'host-call', id: ++id, call: 1, name, params: '{}' },
      { lasting: new AbortController().signal },
    );
    await new Promise(setImmediate);
    expect(sent.at(-1)).toMatchObject({ id });
    const frame = sent.at(-1);
    return frame !== undefined && 'error' in frame ? frame.error.code : 'done';
  };
  for (let n = 0; n < MAX_EVENTS_PER_SECOND; n += 1) expect(await ask('events.publish')).toBe('done');
  expect(await ask('events.publish')).toBe('E_LIMIT_RATE');
  expect(await ask('state.get')).toBe('done');
  expect(usage.numbers.refused).toEqual({ E_LIMIT_RATE: 1 });
  now = 1_000;
  expect(await ask('events.publish')).toBe('done');
});
