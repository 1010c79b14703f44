import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'a frame of no length',
  script: `cell.socket.write(Buffer.alloc(4));`,
  expect: { code: 'E_PROTOCOL' },
});
