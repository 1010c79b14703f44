import { attack } from '../harness.ts';

export default attack({
  name: 'an error of the host, walked to its realm',
  handler: `async (request, ctx) => {
    const errors = [];
    for (const call of [
      () => ctx.state.get(1),
      () => ctx.state.get('k'.repeat(600)),
      () => ctx.events.publish('a', 1),
      () => ctx.state.set('k', 10n),
    ]) {
      await call().catch((error) => errors.push(error));
    }
    return { body: [errors.length, ...errors.map((error) => error instanceof Error), ...reached(...errors)] };
  }`,
  capabilities: [{ name: 'api.emit_events', reason: 'Fails to.' }],
  expect: { body: [4, true, true, true, true] },
});
