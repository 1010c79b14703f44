import { forgery } from '../world/forgery.ts';

export default forgery({
  name: 'host calls as fast as the socket takes them',
  script: `
    let n = 0;
    for (;;)
      if (
        !cell.socket.write(
          Buffer.concat(
            Array.from({ length: 500 }, () =>
              cell.frame(
                JSON.stringify({ t: 'host-call', id: ++n, call: cell.id, name: 'state.get', params: '{}' }),
              ),
            ),
          ),
        )
      )
        await new Promise((resolve) => cell.socket.once('drain', resolve));
  `,
  expect: { code: 'E_PROTOCOL' },
});
