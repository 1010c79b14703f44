import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BothPlatforms, startBothPlatforms } from './both-platforms.ts';

describe('signals and clocks in a cell', () => {
  let both: BothPlatforms;
  beforeAll(async () => {
    both = await startBothPlatforms();
  });
  afterAll(() => both[Symbol.asyncDispose]());

  it('abort as on the platform', async () => {
    await both.same(`
      const seen = [];
      const control = new AbortController();
      const { signal } = control;
      const removed = () => seen.push('removed');
      const twice = () => seen.push('twice');
      signal.addEventListener('abort', removed); signal.removeEventListener('abort', removed);
      signal.addEventListener('abort', twice); signal.addEventListener('abort', twice, { once: true });
      signal.addEventListener('other', () => seen.push('other')); signal.addEventListener('abort', null);
      const until = new AbortController();
      signal.addEventListener('abort', () => seen.push('until'), { signal: until.signal }); until.abort();
      signal.addEventListener('abort', { handleEvent(event) { seen.push(event.type, event.target === signal, this !== signal); } });
      signal.addEventListener('abort', function () { seen.push(this === signal, signal.aborted); });
      seen.push(signal.aborted, signal.reason === undefined, Object.prototype.toString.call(signal));
      control.abort(); control.abort('again');
      seen.push(signal.aborted, signal.reason.name, signal.reason instanceof Error);
      signal.addEventListener('abort', () => seen.push('late'));
      seen.push(await attempt(() => signal.throwIfAborted()), await attempt(() => new AbortSignal()), await attempt(() => AbortSignal()));
      const plain = new AbortController(); plain.abort(null); seen.push(plain.signal.reason);
      const fixed = AbortSignal.abort(5); seen.push(fixed.aborted, fixed.reason, AbortSignal.abort().reason.name);
      seen.push(await attempt(() => AbortSignal.prototype.throwIfAborted.call({})));
      return seen;`);
  });

  it('abort by time as on the platform', async () => {
    await both.same(`
      const signal = AbortSignal.timeout(20);
      const before = signal.aborted;
      await new Promise((done) => signal.addEventListener('abort', done));
      const results = [before, signal.aborted, signal.reason.name];
      for (const wrong of [-1, NaN, 2 ** 32, '5', undefined]) results.push((await attempt(() => AbortSignal.timeout(wrong))).threw);
      return results;`);
  });

  it('abort when any of others does, as on the platform', async () => {
    await both.same(`
      const seen = [];
      const [a, b] = [new AbortController(), new AbortController()];
      const any = AbortSignal.any([a.signal, b.signal]);
      const nested = AbortSignal.any([any, AbortSignal.any([])]);
      a.signal.addEventListener('abort', () => seen.push('source', any.aborted, nested.aborted));
      any.addEventListener('abort', () => seen.push('any', nested.aborted));
      nested.addEventListener('abort', () => seen.push('nested', nested.reason));
      b.signal.addEventListener('abort', () => seen.push('never'));
      a.abort('why'); 
      seen.push(b.signal.aborted, any.reason, AbortSignal.any([AbortSignal.abort(1), AbortSignal.abort(2)]).reason);
      seen.push(await attempt(() => AbortSignal.any([{}])), await attempt(() => AbortSignal.any(5)), AbortSignal.any(new Set([b.signal])).aborted);
      return seen;`);
  });

  it('keep the order of microtasks and timers', async () => {
    await both.same(`
      const seen = [];
      setTimeout(() => seen.push('timer'), 0);
      queueMicrotask(() => { seen.push('micro'); queueMicrotask(() => seen.push('inner')); });
      Promise.resolve().then(() => seen.push('then'));
      seen.push('sync');
      await new Promise((done) => setTimeout(done, 30));
      const once = setTimeout(() => seen.push('never'), 5); clearTimeout(once); clearInterval(once);
      let ticks = 0;
      await new Promise((done) => { const timer = setInterval((add) => { ticks += add; if (ticks === 4) { clearInterval(timer); done(); } }, 2, 2); });
      seen.push(ticks, (await attempt(() => setTimeout('code'))).threw, (await attempt(() => queueMicrotask(5))).threw);
      await new Promise((done) => setTimeout(done, -5)); await new Promise((done) => setTimeout(done, 'x'));
      return seen;`);
  });

  it('show whole milliseconds only, and never go back', async () => {
    const seen = await both.inCell(`
      const times = [];
      for (let i = 0; i < 20_000; i++) times.push(performance.now());
      const start = performance.now();
      await new Promise((done) => setTimeout(done, 30));
      return [
        times.every(Number.isInteger), times.every((time, i) => i === 0 || time >= times[i - 1]), performance.now() - start >= 25,
        Number.isInteger(Date.now()), Number.isInteger(+new Date()), Object.keys(performance), typeof Temporal,
      ];`);
    expect(seen).toEqual([true, true, true, true, true, ['now'], 'undefined']);
  });
});
