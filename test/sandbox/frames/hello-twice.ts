import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'a second hello',
  script: `cell.hello();`,
  expect: { code: 'E_PROTOCOL' },
});
