import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'a frame one byte over the limit, sent whole',
  script: `
    const body = Buffer.alloc(1_048_577, 0x20);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(body.length);
    cell.socket.write(Buffer.concat([head, body]));
  `,
  expect: { code: 'E_PROTOCOL' },
});
