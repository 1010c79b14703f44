import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'a reply to a call that was never made',
  script: `cell.send({ t: "reply", id: 99, value: "1", cpuUs: 0 });`,
  expect: { code: 'E_PROTOCOL' },
});
