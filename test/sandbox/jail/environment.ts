import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'the environment and the arguments it was started with',
  script: `
    cell.reply([Object.keys(process.env), process.argv.join().includes(OUTSIDE.variable), process.cwd()]);
  `,
  expect: { answer: [[], false, '/'] },
});
