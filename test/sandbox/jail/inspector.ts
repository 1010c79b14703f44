import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'the inspector of its own process',
  script: `
    const tried = [];
    const attempt = async (run) => {
      try {
        await run();
        tried.push('open');
      } catch (error) {
        tried.push(error.code);
      }
    };
    const inspector = cell.require('node:inspector');
    await attempt(() => {
      inspector.open(0);
      if (inspector.url() === undefined) throw { code: 'ERR_ACCESS_DENIED' };
    });
    await attempt(() => new inspector.Session().connect());
    cell.reply([...new Set(tried)]);
  `,
  expect: { answer: ['ERR_ACCESS_DENIED'] },
});
