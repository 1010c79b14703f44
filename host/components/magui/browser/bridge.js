// For a console: import { showFrame } from '<host>/ui/bridge.js'
//
//   const { widgets } = await (await fetch(`${host}/v1/ui`, { headers })).json();
//   const frame = showFrame(document.querySelector('#slot'), widgets[0], { host, headers });
//   frame.remove();
//
// The page has to be served with `Content-Security-Policy: frame-src <host>`: a frame can lead itself to a page of anybody,
// which would then be asked and answered here in its place. Only the page around a frame can forbid that.
//
// `headers` are those of the viewer (authorization, x-tenant-id). They stay in the page of the console: a frame only
// ever sees what its own extension answered.
const MAX_CALLS = 16;

/**
 * @param {Element} slot
 * @param {{ extension: string, name: string, title: string, src: string }} shown as `GET /v1/ui` lists it
 * @param {{ host?: string, headers: Record<string, string>, fetch?: typeof fetch }} options
 * @returns {HTMLIFrameElement}
 */
export function showFrame(slot, shown, { host = '', headers, fetch = globalThis.fetch.bind(globalThis) }) {
  const frame = document.createElement('iframe');
  frame.title = shown.title;
  frame.setAttribute('sandbox', 'allow-scripts allow-forms');
  frame.referrerPolicy = 'no-referrer';
  frame.src = host + shown.src;
  let port = null;
  const onMessage = ({ source, data }) => {
    if (source !== frame.contentWindow || data?.magflock !== 1 || data.ready !== true) return;
    port?.close(); // the page was loaded anew
    const channel = new MessageChannel();
    port = channel.port1;
    port.onmessage = serve(channel.port1);
    frame.contentWindow.postMessage({ magflock: 1 }, '*', [channel.port2]);
  };
  addEventListener('message', onMessage);
  const { remove } = frame;
  frame.remove = () => {
    removeEventListener('message', onMessage);
    port?.close();
    remove.call(frame);
  };
  slot.append(frame);
  return frame;

  function serve(own) {
    let open = 0;
    return async ({ data }) => {
      const { id, method, path, body } = Object(data);
      if (open >= MAX_CALLS) return own.postMessage({ id, status: 429, body: { code: 'E_RATE_LIMITED' } });
      open += 1;
      try {
        own.postMessage({ id, ...(await call({ method, path, body })) });
      } catch {
        own.postMessage({ id, status: 502, body: { code: 'E_UNREACHABLE' } });
      } finally {
        open -= 1;
      }
    };
  }

  // Which extension and frame it is says this page, never the frame.
  async function call(asked) {
    const [publisher, name] = shown.extension.split('/');
    const response = await fetch(`${host}/v1/ui/${publisher}/${name}/${shown.name}/call`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(asked),
    });
    const answer = await response.json();
    return response.ok ? answer : { status: response.status, body: { code: answer.code } };
  }
}
