import '../compile-cache.ts';
import { once } from 'node:events';
import type { StartTestHost, TestHostReply } from './protocol.ts';

/** The program of a test host: started by the harness, spoken to over the channel it was started with. */
const left = once(process, 'disconnect');
// Ctrl-C reaches every process of the terminal: this one ends in order, when the harness is gone.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

const [asked] = (await once(process, 'message')) as [StartTestHost];
const { runTestHost } = await import('./run-test-host.ts');
const reply = (message: TestHostReply) => {
  if (process.connected) process.send?.(message);
};
await runTestHost(asked, reply, left);
if (process.connected) process.disconnect();
