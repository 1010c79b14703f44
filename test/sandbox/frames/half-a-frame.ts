import { forgery } from '../world/forgery.ts';

// Nothing is wrong with it yet: the missing heartbeat ends the cell, as for any cell that stopped reacting.
export default forgery({
  name: 'half a frame, then silence',
  script: `cell.silence(); cell.socket.write(Buffer.from([0, 0, 1, 0, 0x7b]));`,
  expect: { code: 'E_LIMIT_CPU' },
});
