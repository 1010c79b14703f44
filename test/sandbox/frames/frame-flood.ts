import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'heartbeats as fast as the socket takes them',
  script: `
    const beat = cell.frame(JSON.stringify({ t: 'heartbeat', heapBytes: 0, cpuUs: 0 }));
    const many = Buffer.concat(Array(1_000).fill(beat));
    for (;;) if (!cell.socket.write(many)) await new Promise((resolve) => cell.socket.once('drain', resolve));
  `,
  expect: { code: 'E_PROTOCOL' },
});
