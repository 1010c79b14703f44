import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'buffers outside of every heap, of the process itself',
  script: `
    const kept = [];
    const fill = () => {
      kept.push(Buffer.alloc(20_000_000, 1));
      setImmediate(fill);
    };
    fill();
    await new Promise(() => {});
  `,
  expect: { code: 'E_LIMIT_MEMORY' },
});
