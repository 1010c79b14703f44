import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'an error with a code only the host may say',
  script: `
    cell.send({
      t: 'reply',
      id: cell.id,
      error: { code: 'E_CAP_UNDECLARED', message: 'acme/canary did it' },
      cpuUs: 0,
    });
  `,
  expect: { code: 'E_EXTENSION' },
});
