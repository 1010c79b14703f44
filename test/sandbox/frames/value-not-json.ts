import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'a reply whose value is no JSON',
  script: `cell.send({ t: "reply", id: cell.id, value: "{", cpuUs: 0 });`,
  expect: { code: 'E_PROTOCOL' },
});
