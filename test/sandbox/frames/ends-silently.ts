import { forgery } from '../world/forgery.ts';

// Whether the end of the channel or the missing heartbeat is noticed first.
export default forgery({
  name: 'a cell that closes its channel and lives on',
  script: `
    cell.socket.end();
    cell.socket.removeAllListeners('close');
    setInterval(() => {}, 1_000);
    await new Promise(() => {});
  `,
  expect: { code: ['E_CELL_LOST', 'E_LIMIT_CPU', 'E_PROTOCOL'] },
});
