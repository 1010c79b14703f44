import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'host calls whose answers are never read',
  hostCall: async () => JSON.stringify('x'.repeat(900_000)),
  script: `
    cell.socket.pause();
    for (let n = 1; n < 5_000; n++) {
      if (
        !cell.socket.write(
          cell.frame(JSON.stringify({ t: 'host-call', id: n, call: cell.id, name: 'state.get', params: '{}' })),
        )
      )
        await new Promise((resolve) => cell.socket.once('drain', resolve));
      if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await new Promise(() => {});
  `,
  expect: { code: 'E_PROTOCOL' },
});
