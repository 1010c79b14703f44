import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BothPlatforms, startBothPlatforms } from './both-platforms.ts';

const PARTS = `const PARTS = ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash'];
const partsOf = (url) => PARTS.map((part) => url[part]);`;

const URLS = [
  ...['https://user:pass@EXAMPLE.com:443/a/../b/./c?x=1&y=%20#frag', 'http://[::1]:8080/', 'http://0x7f.1/'],
  ...['http://bücher.example/ü?ü=ü#ü', 'data:text/plain,hello world', 'file:///C:/a/../b', 'mailto:a@b'],
  ...[
    'http://a b/',
    'http://',
    '',
    '//x',
    'http://example.com:99999/',
    'http://a%00b/',
    'https://ex\tample.com/',
  ],
  ...[
    'javascript:alert(1)',
    'http://xn--iñvalid.com/',
    'blob:https://a.example/x',
    'ws://h:80/',
    'http:\\\\h\\p',
  ],
  ...[
    'http://h/\ud800?\udfff',
    'non-special://h:80/p?q#f',
    'http://1.2.3.4.5/',
    'http://256.1.1.1/',
    'a:b',
    'http://h?',
  ],
];

describe('URL in a cell', () => {
  let both: BothPlatforms;
  beforeAll(async () => {
    both = await startBothPlatforms();
  });
  afterAll(() => both[Symbol.asyncDispose]());

  it('parses what the platform parses, alone and against a base', async () => {
    await both.same(
      `${PARTS}
      const results = [];
      for (const text of input) {
        results.push(await attempt(() => partsOf(new URL(text))), URL.canParse(text), URL.parse(text)?.href ?? null);
        results.push(await attempt(() => new URL(text, 'https://base.example/x/y?z').href), URL.canParse(text, 'nonsense'));
      }
      return results;`,
      URLS,
    );
  });

  it('parses arbitrary text as the platform does', async () => {
    const piece = fc.constantFrom(
      ...[
        'http',
        ':',
        '/',
        '//',
        '@',
        '?',
        '#',
        '%',
        '%2e',
        '..',
        '.',
        '[',
        ']',
        '::1',
        '80',
        'a',
        'ü',
        ' ',
        '\\',
        '&',
        '=',
        '|',
      ],
      ...['\n', '\u0000', '\ud83d\ude00', '\ud800', 'xn--', '0x', '127.1', 'file:', 'C|', '\u00ad', '\uff0e'],
    );
    const texts = fc.sample(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      1_500,
    );
    await both.same(
      `${PARTS}
      return Promise.all(input.map((text) => attempt(() => partsOf(new URL(text, 'http://base/a/b')))));`,
      texts,
    );
  });

  it('sets parts as the platform does, the ones that make no sense too', async () => {
    await both.same(`${PARTS}
      const results = [];
      const values = ['', 'x', 'https', 'ftp:', 'h:1', 'h:99999', '8080', '/p q', '?a=1&b', '#f', 'ü', '\\ud800', 'a\\nb', null, 5];
      for (const start of ['https://u:p@host:8443/path?q=1#h', 'mailto:x', 'file:///x'])
        for (const part of PARTS)
          for (const value of values) {
            const url = new URL(start);
            results.push(await attempt(() => { 'use strict'; url[part] = value; }));
            results.push(partsOf(url), [...url.searchParams]);
          }
      return results;`);
  });

  it('stays in step with its searchParams, both ways', async () => {
    await both.same(`${PARTS}
      const url = new URL('https://h/?a=1&b=2&a=3');
      const { searchParams } = url;
      const seen = [searchParams === url.searchParams, String(searchParams)];
      searchParams.append('c d', 'é&='); seen.push(url.href);
      searchParams.delete('a', '1'); seen.push(url.href);
      url.search = '?new=1'; seen.push([...searchParams]);
      url.href = 'https://other/?x'; seen.push([...searchParams]);
      searchParams.delete('x'); seen.push(url.href, url.search);
      seen.push(JSON.stringify({ url }), String(url), Object.prototype.toString.call(url), url + '');
      return seen;`);
  });

  it('has a URLSearchParams like the platform', async () => {
    await both.same(`
      const inits = ['', '?a=1&b=2', 'a=%zz&b=%F0%9F%98%80&c=%ff+x&=&&d', '??x', { a: 1, b: [2, 3], 'ü': null }, [['a', 'b'], ['a', 'c']],
        new URLSearchParams('q=1'), new Map([['m', 1]]), null, undefined, 5, [['a']], [['a', 'b', 'c']], 'x', [1], { [Symbol('s')]: 1 }, '\\ud800=\\udc00'];
      const results = [];
      for (const init of inits) {
        results.push(await attempt(() => {
          const params = new URLSearchParams(init);
          return [[...params], String(params), params.size, [...params.keys()], [...params.values()], [...params.entries()]];
        }));
      }
      const params = new URLSearchParams('b=2&a=1&c=3&a=0&\\u00e9=x');
      results.push(params.get('a'), params.getAll('a'), params.get('none'), params.has('a', '0'), params.has('a', '9'), params.get('a', '0'));
      params.set('a', 'x'); params.set('new', 1); params.sort(); results.push(String(params));
      params.delete('b', 'nope'); params.delete('c'); results.push(String(params));
      const visited = []; params.forEach(function (value, name, all) { visited.push(value, name, all === params, this.x); }, { x: 1 });
      results.push(visited, Object.prototype.toString.call(params));
      for (const broken of [(p) => p.append('a'), (p) => p.get(), (p) => p.set('a'), (p) => p.forEach(1), () => URLSearchParams.prototype.get.call({}, 'a'), () => URLSearchParams('a')])
        results.push(await attempt(() => broken(params)));
      results.push(String(new URLSearchParams([["!'()~*-._ +&=%", '\\n\\0']])));
      return results;`);
  });

  it('reads any form as the platform does', async () => {
    const ascii = ['a', '=', '&', '%', '+', '%41', '%e4', '%f0%9f%98%80', ';', '%2', '?', ' '];
    // Apart: Node mangles what is beyond ASCII when an escape stands beside it.
    const wide = ['a', '=', '&', '+', 'ü', '\ud800', '\ud83d\ude00'];
    const texts = [ascii, wide].flatMap((pieces) =>
      fc.sample(
        fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join('')),
        1_000,
      ),
    );
    const body = `return input.map((text) => {
      const params = new URLSearchParams(text);
      return [[...params], String(params)];
    });`;
    await both.same(body, texts);
    expect(await both.inCell(`return [...new URLSearchParams('ü%2')]`)).toEqual([['ü%2', '']]);
  });

  it('refuses what is longer than it hands to Node', async () => {
    const results = await both.inCell(`
      const url = new URL('https://h/');
      url.hash = 'x'.repeat(70_000);
      const error = await new Promise((done) => { try { new URL('https://h/' + 'a'.repeat(70_000)) } catch (error) { done(error) } });
      return [URL.canParse('https://h/' + 'a'.repeat(70_000)), url.href, error.name, error.code];`);
    expect(results).toEqual([false, 'https://h/', 'TypeError', 'ERR_INVALID_URL']);
  });
});
