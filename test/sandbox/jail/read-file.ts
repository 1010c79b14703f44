import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'a file everybody may read',
  script: `
    const fs = cell.require('node:fs');
    const tried = [];
    for (const file of [
      OUTSIDE.file,
      '/etc/passwd',
      '/proc/self/environ',
      '/proc/' + OUTSIDE.hostPid + '/environ',
      '/proc/self/maps',
      '/',
    ]) {
      try {
        tried.push(
          fs.statSync(file).isDirectory() ? fs.readdirSync(file).length : fs.readFileSync(file, 'utf8'),
        );
      } catch (error) {
        tried.push(error.code);
      }
    }
    cell.reply([...new Set(tried)]);
  `,
  expect: { answer: ['ERR_ACCESS_DENIED'] },
});
