import { attack } from '../harness.ts';

export default attack({
  name: 'paths of the host read off a stack without limit',
  top: `
    Error.stackTraceLimit = Infinity;
    const stacks = [];
  `,
  handler: `async (request, ctx) => {
  const note = () => { stacks.push(new Error().stack); return 'k'; };
  console.log({ toString: note, toJSON: note });
  note();
  await ctx.state.get({ toJSON: note }).catch((error) => stacks.push(error.stack));
  await ctx.db.query('selec 1').catch((error) => stacks.push(error.stack, error.message));
  return { body: stacks.join().match(/file:|node:|\\/(work|root|home|tmp|usr)\\/|runner\\.mjs|isolated/g) };
}`,
  capabilities: [{ name: 'database.read', reason: 'Reads nothing.' }],
  expect: { body: '' },
});
