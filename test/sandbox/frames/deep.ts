import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'a frame nested half a million deep',
  script: `cell.socket.write(cell.frame("[".repeat(500_000) + "]".repeat(500_000)));`,
  expect: { code: 'E_PROTOCOL' },
});
