import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'numbers that are none',
  script: `cell.socket.write(cell.frame('{"t":"heartbeat","heapBytes":1e999,"cpuUs":-1}'));`,
  expect: { code: 'E_PROTOCOL' },
});
