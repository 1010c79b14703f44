import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MagError } from '../../../kernel/errors.ts';
import { eventually, type Harness, REQUEST, rejection, startHarness } from '../sandbox/harness.ts';

/**
 * Replaces every built-in there is: each method, accessor and constructor by one that notes that it was
 * touched and forges. What is left is syntax.
 */
const SABOTAGE = `() => {
  const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, hasOwn } = Object;
  const { ownKeys } = Reflect;
  const touched = globalThis.touched = { __proto__: null, count: 0 };
  const forge = (name) => function () { touched[touched.count] = name; touched.count += 1; return 'forged'; };
  const spare = (name) => name === 'Promise.prototype.constructor' || name === 'globalThis.touched' || name === 'globalThis.globalThis';
  const ruin = (object, label) => {
    const keys = ownKeys(object);
    for (let i = 0; i < keys.length; i += 1) {
      const key = keys[i];
      const name = label + '.' + (typeof key === 'symbol' ? '[symbol]' : key);
      const slot = getOwnPropertyDescriptor(object, key);
      if (!slot.configurable || spare(name)) continue;
      if (hasOwn(slot, 'get')) defineProperty(object, key, { __proto__: null, get: forge(name), set: forge(name), configurable: true });
      else if (typeof slot.value === 'function') defineProperty(object, key, { __proto__: null, value: forge(name), configurable: true, writable: true });
    }
  };
  const prototypes = { __proto__: null };
  for (const key of ownKeys(globalThis)) {
    const value = globalThis[key];
    if (typeof value === 'function' && value.prototype) { prototypes[key + '.prototype'] = value.prototype; prototypes[key] = value; }
    else if (typeof value === 'object' && value && value !== globalThis && key !== 'touched') prototypes[key] = value;
  }
  for (const [name, value] of [['ArrayIterator', [][Symbol.iterator]()], ['MapIterator', new Map().entries()], ['SetIterator', new Set().values()], ['StringIterator', ''[Symbol.iterator]()],
    ['TypedArray', Uint8Array.prototype], ['Iterator', getPrototypeOf([][Symbol.iterator]())], ['Generator', getPrototypeOf((function* () {})())], ['AsyncFunction', async () => {}], ['Body', Response.prototype]]) prototypes[name] = getPrototypeOf(value);
  prototypes.TypedArrays = getPrototypeOf(Uint8Array);
  // What makes a platform object is looked at last: it is what is tested.
  const web = { __proto__: null, URL: 1, URLSearchParams: 1, Headers: 1, Request: 1, Response: 1, TextEncoder: 1, TextDecoder: 1, AbortSignal: 1, AbortController: 1, console: 1, crypto: 1, performance: 1 };
  const labels = ownKeys(prototypes);
  const rest = labels.filter((label) => !web[label.split('.')[0]] && label !== 'Body');
  globalThis.kept = { __proto__: null };
  for (const name of ownKeys(web)) kept[name] = globalThis[name];
  for (const name of ['fetch', 'structuredClone', 'atob', 'btoa', 'setTimeout', 'clearTimeout', 'queueMicrotask']) kept[name] = globalThis[name];
  kept.Map = Map; kept.Set = Set; kept.Uint8Array = Uint8Array; kept.Date = Date; kept.RegExp = RegExp; kept.RangeError = RangeError; kept.Promise = Promise;
  const map = new Map([['k', 1]]); const set = new Set([7]); kept.values = { map, set, date: new Date(5), expression: /a/gi, error: new RangeError('far'), list: [1, [2]], bytes: new Uint8Array([1, 2, 255]) };
  kept.size = getOwnPropertyDescriptor(Map.prototype, 'size').get; kept.apply = Reflect.apply; kept.getMap = Map.prototype.get; kept.getDate = Date.prototype.getTime;
  // Members that appear on everything: indices, descriptors, JSON.
  for (const key of ['0', '1', '2', 'get', 'set', 'value', 'writable', 'toJSON', 'code', 'name', 'kind', 'text', 'resolve'])
    defineProperty(Object.prototype, key, { __proto__: null, get: forge('Object.prototype.' + key), set: forge('Object.prototype.' + key), configurable: true });
  defineProperty(Array.prototype, 'toJSON', { __proto__: null, value: forge('Array.prototype.toJSON'), configurable: true });
  const all = { __proto__: null, ...prototypes };
  for (let i = 0; i < rest.length; i += 1) ruin(all[rest[i]], rest[i]);
  ruin(globalThis, 'globalThis');
  touched.count = 0;
  return { __proto__: null, ruined: labels.length };
}`;

/** Uses all of the web-standard surface by syntax alone. */
const USE = `async (input, ctx) => {
  const { URL, URLSearchParams, Headers, Request, Response, TextEncoder, TextDecoder, AbortController, AbortSignal, crypto, performance, console, fetch, structuredClone, atob, btoa, setTimeout, clearTimeout, queueMicrotask, values, apply } = kept;
  const out = { __proto__: null };
  const url = new URL('https://u@h:8080/p?a=1&b=%20#f'); url.hostname = 'other'; url.searchParams.append('ü', 'x y');
  out.url = url.href; out.port = url.port; out.param = url.searchParams.get('ü'); out.relative = new URL('../x', 'https://h/a/b/').href;
  const params = new URLSearchParams('z=1&a=2'); params.sort(); params.set('z', '3'); params.delete('none'); out.params = params.toString();
  out.bytes = btoa('abc') + atob('YWJj'); const encoded = new TextEncoder().encode('é€😀'); out.decoded = new TextDecoder().decode(encoded);
  const clone = structuredClone(values); out.clone = (clone.map !== values.map) + '/' + apply(kept.getMap, clone.map, ['k']) + '/' + apply(kept.getDate, clone.date, []) + '/' + clone.error.message + '/' + clone.list[1][0] + '/' + clone.bytes[2];
  const digest = await crypto.subtle.digest('SHA-1', values.bytes); out.digest = new kept.Uint8Array(digest)[0] + '';
  const uuid = crypto.randomUUID(); out.uuid = uuid.length + uuid[14]; crypto.getRandomValues(values.bytes);
  const headers = new Headers(); headers.append('B', '1'); headers.append('a', '2'); headers.append('b', '3'); out.headers = headers.get('b');
  const control = new AbortController(); let aborted = ''; control.signal.addEventListener('abort', (event) => { aborted += event.type; }); control.abort(); control.signal.addEventListener('abort', () => { aborted += 'again'; });
  out.aborted = aborted + control.signal.reason.message;
  const response = await fetch('https://h/x', { __proto__: null, method: 'post', body: 'é', headers });
  out.response = response.status + response.headers.get('a') + await response.text(); out.own = await new Response('own').text(); out.request = new Request('https://h/').url;
  out.json = (await Response.json({ __proto__: null, a: 1 }).json()).a + '';
  await new kept.Promise((done) => { setTimeout((x) => { queueMicrotask(() => { out.timer = x; done(); }); }, 1, 'struck'); });
  clearTimeout(setTimeout(() => {}, 1)); out.clock = performance.now() >= 0 ? 'goes' : ''; console.log('line', 'two'); ctx.log.warn('fields', { __proto__: null, a: 1 });
  out.rows = (await ctx.db.query('select')).rows.length + ''; out.state = (await ctx.state.get('key')) + '';
  try { await ctx.events.publish('a', 'x'); } catch (error) { out.refused = error.code + error.message; }
  try { await fetch('https://refused/'); } catch (error) { out.fetchRefused = error.code; }
  try { new URL('nonsense'); } catch (error) { out.invalid = error.code; }
  out.touched = touched.count + ''; for (let i = 0; i < touched.count && i < 10; i += 1) out['touched' + i] = touched[i];
  return out;
}`;

const EXPECTED = {
  url: 'https://u@other:8080/p?a=1&b=+&%C3%BC=x+y#f',
  port: '8080',
  param: 'x y',
  relative: 'https://h/a/x',
  params: 'a=2&z=3',
  bytes: 'YWJjabc',
  decoded: 'é€😀',
  clone: 'true/1/5/far/2/255',
  digest: '206',
  uuid: '364',
  headers: '1, 3',
  aborted: 'abortThis operation was aborted',
  response: '200bé{}',
  own: 'own',
  request: 'https://h/',
  json: '1',
  timer: 'struck',
  clock: 'goes',
  rows: '1',
  state: '5',
  refused: 'E_EVENT_NAMESPACEno',
  fetchRefused: 'E_CAP_SCOPE',
  invalid: 'ERR_INVALID_URL',
  touched: '0',
};

describe('a guest that replaces every built-in', () => {
  let harness: Harness;
  const asked: string[] = [];

  beforeAll(async () => {
    harness = await startHarness(
      {
        sabotage: SABOTAGE,
        use: USE,
        echo: '(value) => value',
        fail: '() => { throw { __proto__: null, code: "MINE", message: "own words" } }',
      },
      {
        hostCall: (name, params) => {
          asked.push(`${name} ${params}`);
          if (name === 'events.publish') return Promise.reject(new MagError('E_EVENT_NAMESPACE', 'no'));
          if (params.includes('refused')) return Promise.reject(new MagError('E_CAP_SCOPE', 'no'));
          if (name === 'db.query') return Promise.resolve('{"rows":[{"a":1}],"rowCount":1}');
          if (name !== 'http.fetch') return Promise.resolve('{"value":5,"version":1}');
          const body = Buffer.from('é{}').toString('base64');
          const answer = {
            status: 200,
            statusText: '',
            url: 'https://h/x',
            redirected: false,
            headers: [['a', 'b']],
            body,
          };
          return Promise.resolve(JSON.stringify(answer));
        },
      },
    );
  });
  afterAll(() => harness[Symbol.asyncDispose]());

  it('changes nothing of what the prelude does, and is never asked', async () => {
    const { ruined } = (await harness.call('sabotage')) as { ruined: number };
    expect(ruined).toBeGreaterThan(80);
    asked.length = 0;
    harness.logs.length = 0;
    expect(await harness.call('use')).toEqual(EXPECTED);
  });

  it('sends the host what it was told to send', () => {
    const sent = {
      url: 'https://h/x',
      method: 'POST',
      headers: [
        ['b', '1'],
        ['a', '2'],
        ['b', '3'],
        ['content-type', 'text/plain;charset=UTF-8'],
      ],
      redirect: 'follow',
      body: 'w6k=',
    };
    expect(asked.slice(0, 4)).toEqual([
      `http.fetch ${JSON.stringify(sent)}`,
      'db.query {"sql":"select"}',
      'state.get {"key":"key"}',
      'events.publish {"type":"a","data":"x"}',
    ]);
  });

  it('writes the log it meant to write, under its own call', async () => {
    await eventually(() => harness.logs.length >= 2);
    expect(harness.logs.map(({ message, fields, request }) => [message, fields, request])).toEqual([
      ['line two', {}, REQUEST],
      ['fields', { a: 1 }, REQUEST],
    ]);
  });

  it('serves its other calls as before, each with its own answer and error', async () => {
    const answers = await Promise.all([1, 2, 3, 'four', null].map((value) => harness.call('echo', value)));
    expect(answers).toEqual([1, 2, 3, 'four', null]);
    const error = await rejection(harness.call('fail'));
    expect([error.code, (error.cause as { code?: string }).code]).toEqual(['E_EXTENSION', 'MINE']);
    expect(harness.deaths).toEqual([]);
  });
});

describe('a guest that patches one thing', () => {
  it.each([
    ['the then of promises', `Promise.prototype.then = function () { return 'forged' }`],
    [
      'the species',
      `Object.defineProperty(Promise, Symbol.species, { value: class { constructor() { throw 1 } } }); Object.defineProperty(Array, Symbol.species, { value: 1 })`,
    ],
    ['iteration', `Array.prototype[Symbol.iterator] = () => { throw new Error('iterated') }`],
    [
      'setters on every index',
      `for (let i = 0; i < 50; i++) Object.defineProperty(Object.prototype, i, { set() { throw new Error('set') }, get() { return 'forged' } })`,
    ],
    ['toJSON of what a module shows', `Array.prototype.toJSON = Object.prototype.toJSON = () => 'forged'`],
    ['descriptors', `Object.prototype.get = () => 1; Object.prototype.set = () => 1`],
    ['the maker of stacks', `Error.prepareStackTrace = () => { throw new Error('stack') }`],
    ['instanceof', `Object.defineProperty(Error, Symbol.hasInstance, { value: () => { throw 1 } })`],
    ['errors', `globalThis.Error = globalThis.TypeError = function () { throw 1 }`],
  ])('while its module is loaded still loads and serves: %s', async (_, patch) => {
    const code = `${patch};\nexport default { endpoints: { echo: (value) => value + 1, ask: async (value, ctx) => (await ctx.state.get(value)) + 1 } };`;
    await using harness = await startHarness(
      {},
      { code, hostCall: () => Promise.resolve('{"value":5,"version":1}') },
    );
    expect(await harness.call('echo', 1)).toBe(2);
    expect(await harness.call('ask', 'key')).toBe(6);
    expect(harness.deaths).toEqual([]);
  });
});
