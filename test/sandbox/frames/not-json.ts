import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'a frame that is no JSON',
  script: `cell.socket.write(cell.frame("{\\"t\\":"));`,
  expect: { code: 'E_PROTOCOL' },
});
