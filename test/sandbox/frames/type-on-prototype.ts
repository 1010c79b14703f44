import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'types that every object has',
  script: `cell.send({ t: "constructor" }); cell.send({ t: "__proto__" });`,
  expect: { code: 'E_PROTOCOL' },
});
