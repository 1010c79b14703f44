import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'a frame in a hundred thousand pieces',
  script: `
    const all = cell.frame(
      JSON.stringify({ t: 'reply', id: cell.id, value: JSON.stringify('x'.repeat(20_000)), cpuUs: 0 }),
    );
    for (const byte of all.subarray(0, all.length - 1)) {
      if (!cell.socket.write(Buffer.from([byte])))
        await new Promise((resolve) => cell.socket.once('drain', resolve));
    }
    cell.socket.write(all.subarray(all.length - 1));
    await new Promise(() => {});
  `,
  expect: { answer: 'x'.repeat(20_000) },
});
