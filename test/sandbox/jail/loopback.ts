import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'a connection to a listener on loopback',
  script: `
    const net = cell.require('node:net');
    const outcome = await new Promise((resolve) => {
      const socket = net.connect(OUTSIDE.port, '127.0.0.1', () => resolve('connected'));
      socket.on('error', (error) => resolve(error.code));
      setTimeout(() => resolve('silence'), 3_000);
    });
    cell.reply(outcome === 'connected' ? outcome : 'refused');
  `,
  expect: { answer: 'refused' },
});
