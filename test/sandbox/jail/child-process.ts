import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'programs, workers and threads',
  script: `
    const tried = [];
    const attempt = (run) => {
      try {
        run();
        tried.push('started');
      } catch (error) {
        tried.push(error.code);
      }
    };
    attempt(() => cell.require('node:child_process').execFileSync('/bin/id'));
    attempt(() => cell.require('node:child_process').spawnSync('/bin/id'));
    attempt(() => new (cell.require('node:worker_threads').Worker)('1', { eval: true }));
    attempt(() => cell.require('node:cluster').fork());
    cell.reply([...new Set(tried)]);
  `,
  expect: { answer: ['ERR_ACCESS_DENIED'] },
});
