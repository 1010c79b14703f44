import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'two host calls of one number',
  hostCall: () => new Promise(() => {}),
  script: `cell.hostCall(1); cell.hostCall(1);`,
  expect: { code: 'E_PROTOCOL' },
});
