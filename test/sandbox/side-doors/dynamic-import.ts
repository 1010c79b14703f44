import { attack } from '../harness.ts';

export default attack({
  name: 'import() of everything that could be there',
  handler: `async () => {
    const tried = await Promise.all(
      [
        'node:fs',
        'fs',
        'file://' + OUTSIDE.file,
        OUTSIDE.file,
        'data:text/javascript,export default 1',
        'magflock:prelude',
        './index.js',
        'https://example.com/x.js',
      ].map((name) =>
        new Function('name', 'return import(name)')(name).then(
          (module) => Object.keys(module),
          () => 'refused',
        ),
      ),
    );
    return { body: [...new Set(tried)] };
  }`,
  expect: { body: ['refused'] },
});
