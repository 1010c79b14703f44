import { attack } from '../harness.ts';

export default attack({
  name: 'things that could open a file or a socket',
  handler: `async () => ({
    body: Object.getOwnPropertyNames(globalThis).filter(
      (name) =>
        /^(open|read|write|File|FileReader|Blob|WebSocket|XMLHttpRequest|EventSource|Worker|MessageChannel|BroadcastChannel|navigator|localStorage|indexedDB|caches|process)$/.test(
          name,
        ) && !['Blob'].includes(name),
    ),
  })`,
  expect: { body: [] },
});
