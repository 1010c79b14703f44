import { forgery } from '../world/forgery.ts';

forgery({
  family: 'frames',
  name: 'a reply whose value is no JSON',
  script: `cell.send({ t: "reply", id: cell.id, value: "{", cpuUs: 0 });`,
  expect: { code: 'E_PROTOCOL' },
});
