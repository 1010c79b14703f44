import { forgery } from '../world/forgery.ts';

// Where the host does not run as root its cells share its account: the suite runs as root where this matters.
export default forgery({
  name: 'another account, and rights of its own',
  script: `
    const tried = [];
    for (const set of ['setuid', 'setgid', 'seteuid', 'setegid']) {
      try {
        process[set](0);
        tried.push(process.getuid() === 0 ? 'root' : 'nothing');
      } catch (error) {
        tried.push(error.code);
      }
    }
    try {
      process.setgroups([0]);
      tried.push('groups');
    } catch (error) {
      tried.push(error.code);
    }
    cell.reply([process.getuid() === 0, ...new Set(tried)]);
  `,
  expect: { answer: [false, 'EPERM'] },
});
