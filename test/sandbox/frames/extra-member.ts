import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'a reply that says whose it is',
  script: `cell.send({ t: "reply", id: cell.id, value: "1", cpuUs: 0, extension: "acme/canary" });`,
  expect: { code: 'E_PROTOCOL' },
});
