import type { Addition } from './addition.ts';
import type { Naming } from './naming.ts';

/** A command of `mag`. */
export function commandAddition({ id }: Naming): Addition {
  return {
    capabilities: [{ name: 'cli.register_command', reason: 'Adds a command that greets to mag.' }],
    contributes: {
      commands: [
        {
          name: 'greet',
          description: 'greet somebody, and count it',
          args: [{ name: 'name', description: 'who is greeted' }],
          options: [{ name: 'loud', description: 'in capitals', type: 'boolean' }],
        },
      ],
    },
    memberSource: `
  commands: {
    // mag ${id}:greet Ada --loud
    greet: async ({ args, options }, ctx) => {
      const name = String(args.name);
      const greetings = await countGreeting(ctx, name);
      const text = \`Hello \${name}, for the \${greetings}. time\`;
      return { text: options.loud === true ? text.toUpperCase() : text, data: { name, greetings } };
    },
  },
`,
    unitTest: `
it('greets on the command line', async () => {
  const invocation = createInvocation('greet', { args: { name: 'Ada' }, options: { loud: true } });
  const { text, data } = await extension.commands.greet(invocation, createRecordingContext());
  expect([text, data]).toEqual(['HELLO ADA, FOR THE 1. TIME', { name: 'Ada', greetings: 1 }]);
});
`,
    sandboxTest: `
it('is a command of mag', async () => {
  const { text } = await host.run('greet', { args: { name: 'Grace' } });
  expect(text).toBe('Hello Grace, for the 1. time');
});
`,
    readme: `\`mag ${id}:greet Ada\` greets on the command line.`,
  };
}
