// For the page of a widget, panel or explorer: <script src="/ui/frame.js"></script>
//
//   const { status, body } = await magflock.call('GET', '/notes');
//   await magflock.call('POST', '/notes', { text: 'Hello' });
//
// calls an endpoint of the extension the page is of, with the rights of whoever looks at it. The page itself can reach
// nothing: the console that shows it passes the call on, and the host decides.
(() => {
  const waiting = new Map();
  let last = 0;
  const opened = new Promise((resolve) => {
    addEventListener('message', (event) => {
      if (event.source !== parent || event.data?.magflock !== 1 || event.ports.length !== 1) return;
      const [port] = event.ports;
      port.onmessage = ({ data }) => {
        const settle = waiting.get(data.id);
        waiting.delete(data.id);
        settle?.(data);
      };
      resolve(port);
    });
  });
  parent.postMessage({ magflock: 1, ready: true }, '*');
  globalThis.magflock = Object.freeze({
    async call(method, path, body) {
      const port = await opened;
      const id = ++last;
      const answered = new Promise((resolve) => waiting.set(id, resolve));
      port.postMessage({ id, method, path, body });
      const { status, body: answer } = await answered;
      return { status, body: answer };
    },
  });
})();
