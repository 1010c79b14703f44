import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'native code of its own',
  script: `
    const tried = [];
    for (const file of ['/tmp/evil.node', OUTSIDE.file, '/lib/x86_64-linux-gnu/libc.so.6']) {
      try {
        process.dlopen({ exports: {} }, file);
        tried.push('loaded');
      } catch (error) {
        tried.push('refused');
      }
    }
    try {
      process.binding('spawn_sync');
      tried.push('bound');
    } catch (error) {
      tried.push('refused');
    }
    cell.reply([...new Set(tried)]);
  `,
  expect: { answer: ['refused'] },
});
