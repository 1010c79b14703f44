import { forgery } from '../world/forgery.ts';

// It may listen where nobody can come: in a network of its own there is no interface to reach it by.
export default forgery({
  name: 'a listener of its own',
  script: `
    const net = cell.require('node:net');
    const outcome = await new Promise((resolve) => {
      const server = net.createServer().listen(0, '0.0.0.0', () => resolve('listening'));
      server.on('error', (error) => resolve(error.code));
    });
    const seen = Object.values(cell.require('node:os').networkInterfaces())
      .flat()
      .filter(({ internal }) => !internal).length;
    cell.reply(seen);
  `,
  expect: { answer: 0 },
});
