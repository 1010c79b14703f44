import { attack } from '../harness.ts';

export default attack({
  name: 'a source map that points at a file of the host',
  top: `const fail = () => { throw new Error('look here'); };`,
  files: {
    'dist/index.js.map':
      '{"version":3,"sources":["/etc/passwd","../../../../etc/shadow"],"names":[],"mappings":"AAAA","sourceRoot":"file:///"}',
  },
  handler: `async () => { fail(); } /*\n//# sourceMappingURL=file:///etc/passwd\n*/`,
  expect: { code: 'E_EXTENSION' },
});
