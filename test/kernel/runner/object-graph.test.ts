import { createContext, runInContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MagError } from '../../../kernel/errors.ts';
import { type Harness, rejection, startHarness } from '../sandbox/harness.ts';

/** All of the global scope. A name that is not here must not be there; one that is here must be. */
const ECMASCRIPT = `
  AggregateError Array ArrayBuffer AsyncDisposableStack BigInt BigInt64Array BigUint64Array Boolean DataView Date
  DisposableStack Error EvalError Float16Array Float32Array Float64Array Function Infinity Int16Array Int32Array
  Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp
  Set String SuppressedError Symbol SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array
  Uint8ClampedArray WeakMap WeakRef WeakSet decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval
  globalThis isFinite isNaN parseFloat parseInt undefined unescape`;
const WEB = `
  AbortController AbortSignal Headers Request Response TextDecoder TextEncoder URL URLSearchParams atob btoa
  clearInterval clearTimeout console crypto fetch performance queueMicrotask setInterval setTimeout
  structuredClone`;
const names = (text: string) => text.trim().split(/\s+/);
/** Of ECMAScript, and not in a cell. */
const REMOVED = names('Atomics FinalizationRegistry SharedArrayBuffer WebAssembly');

/** Walks everything that can be reached from some roots: members, symbols, prototypes, accessors and what they give. */
const WALK = `
  const walk = (roots) => {
    const seen = new Map();
    const queue = [];
    const push = (value, path) => {
      if ((typeof value === 'object' && value !== null) || typeof value === 'function') queue.push([value, path]);
    };
    roots.forEach((root, i) => push(root, 'root' + i));
    while (queue.length > 0) {
      const [value, path] = queue.pop();
      if (seen.has(value)) continue;
      seen.set(value, path);
      push(Object.getPrototypeOf(value), path + '.__proto__');
      for (const key of Reflect.ownKeys(value)) {
        const slot = Object.getOwnPropertyDescriptor(value, key);
        const at = path + '.' + String(key);
        push(slot.value, at); push(slot.get, at + '(get)'); push(slot.set, at + '(set)');
        if (slot.get) try { push(Reflect.apply(slot.get, value, []), at + '()'); } catch (error) { push(error, at + '(threw)'); }
      }
    }
    return seen;
  };
  const functions = [Function, (async () => {}).constructor, (function* () {}).constructor, (async function* () {}).constructor];
  /** What is wrong with an object that does not belong to the guest's own world. */
  const foreign = (value) => {
    let root = value;
    const chain = [];
    while (Object.getPrototypeOf(root) !== null) { root = Object.getPrototypeOf(root); chain.push(root); }
    if (root !== value && root !== Object.prototype && Reflect.ownKeys(root).length > 0) return 'its prototypes end elsewhere';
    if (typeof value === 'function' && !chain.includes(Function.prototype) && value !== Function.prototype) return 'it is a function of another world';
    if (typeof value === 'function' && !functions.some((made) => chain.includes(made.prototype)) && value !== Function.prototype) return 'nobody here makes such functions';
    const made = value.constructor;
    if (typeof made === 'function' && typeof made.constructor === 'function' && !functions.includes(made.constructor)) return 'its maker is of another world';
    return null;
  };
  /** How many native functions there are of each name. What the runner lends would be among them. */
  const natives = (seen) => {
    const counts = {};
    for (const value of seen.keys()) {
      if (typeof value !== 'function' || !/\\{ \\[native code\\] \\}$/.test(Function.prototype.toString.call(value))) continue;
      const name = '=' + String(Object.getOwnPropertyDescriptor(value, 'name')?.value);
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  };
  const instances = () => {
    const error = (() => { try { null.x } catch (error) { return error } })();
    const weak = new WeakMap(); const proxy = Proxy.revocable({}, {});
    Error.prepareStackTrace = (_, sites) => sites;
    const sites = new Error().stack;
    delete Error.prepareStackTrace;
    return [error, sites, weak, proxy, functions, [][Symbol.iterator](), new Map().entries(), new Set().values(), ''[Symbol.iterator](), 'a'.matchAll(/a/g), [].values().map(String), Iterator.from({ next() {} }),
      new Intl.Segmenter().segment('a'), new Intl.Segmenter().segment('a')[Symbol.iterator](), (async function* () {})(), (function* () {})(), Promise.withResolvers(), (function () { 'use strict'; return arguments })(), (function () { return arguments })(), new Intl.DateTimeFormat(), new Intl.NumberFormat(), new Intl.Collator(), new Int8Array(1), new Float16Array(1), new Intl.PluralRules()];
  };`;

describe('what guest code can reach', () => {
  let harness: Harness;
  /** Runs the body of an async function of `ctx` and `meta` (its `import.meta`) in the cell. */
  const run = (code: string) => harness.call('run', WALK + code, { cpuMs: 20_000, deadlineMs: 30_000 });

  beforeAll(async () => {
    const code = `
      const meta = import.meta;
      export default { endpoints: { run: (code, ctx) => new (async () => {}).constructor('ctx', 'meta', code)(ctx, meta) } };`;
    harness = await startHarness(
      {},
      {
        code,
        load: { config: { nested: { list: [1, { a: 2 }] } } },
        hostCall: (name, params) => {
          if (name === 'db.query') return Promise.reject(new MagError('E_SQL_FORBIDDEN', 'no'));
          if (name !== 'http.fetch') return Promise.resolve('{"a":[{}]}');
          const headers = [['a', 'b']];
          const { url } = JSON.parse(params);
          return Promise.resolve(
            JSON.stringify({ status: 200, statusText: 'OK', url, redirected: false, headers, body: 'e30=' }),
          );
        },
      },
    );
  });
  afterAll(() => harness[Symbol.asyncDispose]());

  it('has exactly the globals of this list', async () => {
    const found = await run('return Reflect.ownKeys(globalThis).map(String).sort()');
    expect(found).toEqual([...names(ECMASCRIPT), ...names(WEB)].sort());
    const plain: string[] = runInContext('Object.getOwnPropertyNames(globalThis)', createContext());
    const unknown = plain.filter((name) => ![...names(ECMASCRIPT), ...names(WEB), ...REMOVED].includes(name));
    // V8 has learnt something new: decide whether a guest may have it.
    expect(unknown).toEqual([]);
  });

  it('finds the same names in the scope as on the global object', async () => {
    const types = await run(`
      return ['process', 'require', 'module', 'exports', 'global', 'Buffer', 'ivm', '$0', '$1', 'prelude', 'self', 'window', 'WebAssembly', 'SharedArrayBuffer', 'Atomics', 'gc', 'd8', '__dirname', 'arguments0']
        .filter((name) => { try { return (0, eval)('typeof ' + name) !== 'undefined' } catch { return true } });`);
    expect(types).toEqual([]);
  });

  it('belongs to its own world, all of it', async () => {
    const found = await run(`
      const roots = [globalThis, ctx, meta, ...instances()];
      const keep = async (make) => { try { roots.push(await make()) } catch (error) { roots.push(error) } };
      await keep(() => ctx.db.query('select')); await keep(() => ctx.state.get('a')); await keep(() => ctx.events.publish('a', 1));
      await keep(() => fetch('https://h/')); await keep(() => fetch('bad')); await keep(() => import('node:fs')); await keep(() => ctx.http.fetch('https://h/'));
      for (const make of [() => new URL('x'), () => atob('!'), () => structuredClone(() => 1), () => new TextDecoder('x'), () => new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255])),
        () => crypto.getRandomValues(1), () => crypto.subtle.digest('x'), () => setTimeout(), () => new AbortSignal(), () => new Headers(5), () => new Request('x'), () => new Response('', { status: 1 }), () => Response.error(),
        () => structuredClone(new Map([[1, new Date()]])), () => new URLSearchParams('a=1').entries(), () => AbortSignal.timeout(1), () => JSON.parse('{'), () => null.x, () => { throw ctx.request },
        () => { const deep = () => deep(); deep(); }, () => new Function('}'), () => (0, eval)('@'), () => new Intl.DateTimeFormat('xx-invalid-locale-name'), () => 'a'.normalize('x'), () => new Array(-1), () => ctx.log.info('x', { get a() { throw 1 } })]) await keep(make);
      await keep(() => new Promise((done) => { const control = new AbortController(); control.signal.addEventListener('abort', done); control.abort(); }));
      await keep(() => new Promise((done) => setTimeout(function (...all) { done([this, all]) }, 1, 'x')));
      Error.prepareStackTrace = (error, sites) => sites;
      const sites = await new Promise((done) => setTimeout(() => done(new Error().stack), 1)); const own = new Error().stack;
      delete Error.prepareStackTrace;
      for (const site of [...sites, ...own]) for (const read of ['getThis', 'getFunction', 'getEvalOrigin', 'getTypeName', 'getFunctionName', 'getScriptNameOrSourceURL']) await keep(() => [site, site[read]()]);
      const seen = walk(roots);
      const wrong = [];
      const names = /^(Isolate|Context|Reference|ExternalCopy|Callback|Module|NativeModule|External|applySync|applyIgnored|derefInto|dlopen|binding|mainModule|ivm|process|require)$/;
      for (const [value, path] of seen) {
        const reason = foreign(value);
        if (reason) wrong.push(path + ': ' + reason);
        for (const key of Reflect.ownKeys(value)) if (typeof key === 'string' && names.test(key)) wrong.push(path + '.' + key);
      }
      return { wrong: wrong.slice(0, 20), size: seen.size, natives: natives(seen) };`);
    expect(found).toMatchObject({ wrong: [] });
    const { size, natives } = found as { size: number; natives: Record<string, number> };
    expect(size).toBeGreaterThan(900);
    // None that a fresh world of V8 does not have: of the functions the runner lends, none is in reach.
    const fresh: Record<string, number> = runInContext(
      `${WALK} natives(walk([globalThis, ...instances()]))`,
      createContext(),
    );
    const surplus = Object.keys(natives).filter((name) => (natives[name] ?? 0) > (fresh[name] ?? 0));
    expect(surplus).toEqual([]);
  });

  it('makes functions in its own world only, whoever it asks', async () => {
    const found = await run(`
      const strangers = [];
      for (const [value, path] of walk([globalThis, ctx])) {
        if (typeof value !== 'function' || typeof value.constructor !== 'function') continue;
        try {
          if (!functions.includes(value.constructor)) continue;
          const world = await (functions[0] === value.constructor ? value.constructor('return globalThis')() : globalThis);
          if (world !== globalThis) strangers.push(path);
        } catch (error) { strangers.push(path + ' threw ' + error.message); }
      }
      return strangers;`);
    expect(found).toEqual([]);
  });

  it('is told nothing of the other side by an error of the other side', async () => {
    // With the stack all but used up, a call to the host fails on the other side of the wall.
    const found = (await run(`
      // No call on the way: there is no stack left for it.
      const slots = new Array(5_000); let used = 0;
      const keep = (error) => { slots[used++] = error; };
      const tries = [() => crypto.randomUUID(), () => performance.now(), () => new URL('http://a/'), () => clearTimeout(setTimeout(() => {}, 1)),
        () => ctx.log.debug('x'), () => { ctx.state.get('a').catch(keep) }, () => { fetch('http://a').catch(keep) }, () => { crypto.subtle.digest('SHA-1', new Uint8Array(1)).catch(keep) }];
      for (const attempt of tries) for (let pad = 0; pad < 8; pad++) {
        let left = 30;
        const dive = (...more) => { try { dive(...more) } catch {} if (left > 0) { left--; try { attempt() } catch (error) { slots[used++] = error } } };
        dive(...new Array(pad * 3).fill(0));
      }
      await new Promise((done) => setTimeout(done, 20));
      const kept = slots.slice(0, used);
      const text = kept.map((error) => error.stack + error.message).join('\\n');
      const told = text.split('\\n').filter((line) => /file:|node:|runner|isolated|\\/tmp|\\/work|applySync/.test(line));
      return { count: kept.length, told: [...new Set(told)].slice(0, 10), classes: [...new Set(kept.map((error) => error.constructor === RangeError || error.code))] };`)) as {
      count: number;
      told: string[];
    };
    expect(found.count).toBeGreaterThan(100);
    expect(found.told).toEqual([]);
  });

  it('cannot import, and a loop over what it can reach changes nothing outside', async () => {
    expect((await rejection(run(`await import('node:fs')`))).code).toBe('E_EXTENSION');
    expect((await rejection(run(`await import('./index.js')`))).code).toBe('E_EXTENSION');
    expect(await run('return Reflect.ownKeys(meta).map(String)')).toEqual([]);
    expect(await harness.call('run', 'return 1')).toBe(1);
  });
});
