import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'frames with __proto__ and constructor in them',
  script: `
    cell.socket.write(
      cell.frame('{"t":"reply","id":' + cell.id + ',"value":"1","cpuUs":0,"__proto__":{"polluted":true}}'),
    );
  `,
  expect: { code: 'E_PROTOCOL' },
});
