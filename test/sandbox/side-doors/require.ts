import { attack } from '../harness.ts';

export default attack({
  name: 'require and everything like it',
  handler: `async () => ({
    body: [
      'require',
      'module',
      'exports',
      '__filename',
      '__dirname',
      'process',
      'global',
      'Buffer',
      'Deno',
      'Bun',
      'importScripts',
      'load',
      'read',
      'print',
      'd8',
      'self',
      'window',
    ].filter((name) => name in globalThis || new Function('return typeof ' + name)() !== 'undefined'),
  })`,
  expect: { body: [] },
});
