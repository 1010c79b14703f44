import { forgery } from '../world/forgery.ts';

forgery({
  family: 'frames',
  name: 'a frame of no length',
  script: `cell.socket.write(Buffer.alloc(4));`,
  expect: { code: 'E_PROTOCOL' },
});
