import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'a frame that says it is two gigabytes long',
  script: `cell.socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]));`,
  expect: { code: 'E_PROTOCOL' },
});
