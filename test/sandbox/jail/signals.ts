import { forgery } from '../world/forgery.ts';

// Asks whether it may, with the signal that does nothing. A process of its own cannot even see the others where it has a namespace.
export default forgery({
  name: 'signals to the host and to other cells',
  script: `
    const tried = [];
    for (const pid of [OUTSIDE.hostPid, process.ppid, 1]) {
      try {
        process.kill(pid, 0);
        tried.push('may');
      } catch (error) {
        tried.push(error.code);
      }
    }
    cell.reply([...new Set(tried)]);
  `,
  expect: { answer: ['EPERM'] },
});
