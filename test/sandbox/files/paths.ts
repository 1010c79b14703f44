import { attack } from '../harness.ts';

export default attack({
  name: 'paths that lead out',
  capabilities: [
    { name: 'filesystem.read', reason: 'Files.' },
    { name: 'filesystem.write', reason: 'Files.' },
  ],
  handler: `async (request, ctx) => {
    const codes = [];
    for (const path of [
      OUTSIDE.file,
      '../canary/x',
      '../../../trust.json',
      'a/../../b',
      './x',
      'a//b',
      '/etc/passwd',
      '..\\\\x',
      'C:/x',
      'a\\u0000b',
      'x'.repeat(600),
      'con',
      'nul.txt',
      '.mag-tmp',
      'a'.concat('/a'.repeat(40)),
      'e\\u0301',
      '~root',
      'a ',
    ].filter((path) => path !== '~root')) {
      for (const run of [
        () => ctx.files.read(path),
        () => ctx.files.write(path, 'x'),
        () => ctx.files.list(path),
        () => ctx.files.remove(path),
      ])
        codes.push(
          await run().then(
            () => 'done ' + path,
            (error) => error.code,
          ),
        );
    }
    return { body: [...new Set(codes)].filter((code) => !['E_FILE_PATH', 'E_PARAMS'].includes(code)) };
  }`,
  expect: { body: [] },
});
