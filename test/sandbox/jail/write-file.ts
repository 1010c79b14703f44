import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'a file everybody may write',
  script: `
    const fs = cell.require('node:fs');
    const tried = [];
    for (const file of [OUTSIDE.file, OUTSIDE.file + '.new', '/tmp/from-a-cell']) {
      for (const write of ['writeFileSync', 'appendFileSync', 'mkdirSync']) {
        try {
          fs[write](file, write === 'mkdirSync' ? {} : 'x');
          tried.push(file);
        } catch (error) {
          tried.push(error.code);
        }
      }
    }
    try {
      fs.symlinkSync(OUTSIDE.file, '/tmp/from-a-cell');
      tried.push('linked');
    } catch (error) {
      tried.push(error.code);
    }
    cell.reply([...new Set(tried)]);
  `,
  expect: { answer: ['ERR_ACCESS_DENIED'] },
});
