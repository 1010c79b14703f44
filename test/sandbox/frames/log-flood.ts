import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'log lines as fast as the socket takes them',
  script: `
    const line = cell.frame(
      JSON.stringify({ t: 'log', level: 'info', message: 'x'.repeat(100), fields: '{}', call: cell.id }),
    );
    const many = Buffer.concat(Array(1_000).fill(line));
    for (;;) if (!cell.socket.write(many)) await new Promise((resolve) => cell.socket.once('drain', resolve));
  `,
  expect: { code: 'E_PROTOCOL' },
});
