import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { WorkLoop } from '../../kernel/work-loop.ts';

describe('who looks for work', () => {
  it('looks once more when it is woken while it looks, however often', async () => {
    let looks = 0;
    const looking = new WorkLoop(async () => {
      looks += 1;
      await nextTurn();
    });
    const first = looking.wake();
    await Promise.all([looking.wake(), looking.wake()]);
    expect(looks).toBe(2);
    await first;
    await looking.ended();
    expect(looks).toBe(2);
  });

  it('never looks twice at once', async () => {
    let [now, most] = [0, 0];
    const looking = new WorkLoop(async () => {
      now += 1;
      most = Math.max(most, now);
      await nextTurn();
      now -= 1;
    });
    for (let turn = 0; turn < 5; turn++) {
      void looking.wake();
      await nextTurn();
    }
    await looking.ended();
    expect(most).toBe(1);
  });

  it('misses no call, in whatever moment around its end it comes', async () => {
    for (let microtasks = 0; microtasks < 12; microtasks++) {
      let isThere = false;
      let isFound = true;
      const looking = new WorkLoop(async () => {
        if (isThere) isFound = true;
      });
      void looking.wake();
      for (let passed = 0; passed < microtasks; passed++) await null;
      [isThere, isFound] = [true, false];
      await looking.wake();
      expect([microtasks, isFound]).toEqual([microtasks, true]);
    }
  });
});
