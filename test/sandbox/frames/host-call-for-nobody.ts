import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'a host call on behalf of a call that was never made',
  script: `cell.hostCall(1, 99);`,
  expect: { code: 'E_PROTOCOL' },
});
