import { chmodSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { createHarness, isAlive, rejection } from './harness.ts';

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}.mjs`, import.meta.url));
const FAKE = fixture('fake-runner');
const MUTE = fixture('mute-runner');

// Cells of a host that runs as root are other users: a checkout may not be readable to all.
beforeAll(() => {
  for (const file of [FAKE, MUTE]) chmodSync(file, 0o644);
});

describe('a cell that does not keep to the protocol', () => {
  it.each([
    'notJson',
    'notUtf8',
    'oversized',
    'empty',
    'unknownType',
    'extraMember',
    'protoMember',
    'wrongType',
    'neverIssued',
    'ackNeverIssued',
    'logNeverIssued',
    'twice',
    'helloAgain',
    'hostCallForNobody',
    'hostCallIdTwice',
    'valueNotJson',
  ])('is killed: %s', async (code) => {
    await using harness = await createHarness({
      code,
      runnerPath: FAKE,
      hostCall: () => new Promise(() => undefined),
    });
    await harness.process.start();
    const { pid } = harness.process.stats;
    const error = await rejection(harness.call('anything', null, { deadlineMs: 10_000 }));
    expect(error.code).toBe('E_PROTOCOL');
    await harness.sandbox[Symbol.asyncDispose]();
    expect(pid !== null && isAlive(pid)).toBe(false);
  });

  it('is killed when its first frame is no hello', async () => {
    await using harness = await createHarness({ runnerPath: MUTE });
    expect((await rejection(harness.process.start())).code).toBe('E_PROTOCOL');
  });

  it('is killed when the shape of the extension is none', async () => {
    await using harness = await createHarness({ code: 'badShape', runnerPath: FAKE });
    expect((await rejection(harness.process.start())).code).toBe('E_PROTOCOL');
  });

  it('is killed when its heart stops, long before the deadline', async () => {
    await using harness = await createHarness({ code: 'deaf', runnerPath: FAKE });
    await harness.process.start();
    const error = await rejection(harness.call('anything', null, { deadlineMs: 50_000, cpuMs: 10 }));
    expect(error.code).toBe('E_LIMIT_CPU');
  });
});
