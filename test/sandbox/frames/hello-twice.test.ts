import { forgery } from '../world/forgery.ts';

forgery({
  family: 'frames',
  name: 'a second hello',
  script: `cell.hello();`,
  expect: { code: 'E_PROTOCOL' },
});
