import type { MakeAddition } from './addition.ts';
import { channelAddition } from './channel.ts';
import { commandAddition } from './command.ts';
import { eventAddition } from './event.ts';
import { GREETED, greetingManifest, greetingSource, sandboxTestSource, unitTestSource } from './greeting.ts';
import { hookAddition } from './hook.ts';
import { jobAddition } from './job.ts';
import type { Naming } from './naming.ts';
import { panelAddition } from './panel.ts';
import { projectFiles } from './project.ts';

/** The kinds of extension that `mag extension:new` can start: a greeting, and what each adds to it. */
const ADDITIONS = {
  endpoint: () => ({}),
  hook: hookAddition,
  event: eventAddition,
  job: jobAddition,
  command: commandAddition,
  channel: channelAddition,
  panel: panelAddition,
} satisfies Readonly<Record<string, MakeAddition>>;

export type Template = keyof typeof ADDITIONS;
export const TEMPLATES = Object.keys(ADDITIONS) as Template[];

/** All text files of a new extension, by their paths in its folder. */
export function templateFiles(template: Template, naming: Naming, sdkTarball: string): Map<string, string> {
  const make: MakeAddition = ADDITIONS[template];
  const addition = make(naming);
  return new Map([
    ['manifest.json', json(greetingManifest(naming, addition))],
    ['src/index.ts', greetingSource(naming, addition)],
    ['schemas/greeted.json', json(GREETED)],
    ['test/unit.test.ts', withImports(unitTestSource(naming, addition))],
    ['test/sandbox.test.ts', sandboxTestSource(naming, addition)],
    ...Object.entries(addition.files ?? {}),
    ...projectFiles(naming, addition, sdkTarball),
  ]);
}

const OF_TESTING = [
  'createEvent',
  'createInvocation',
  'createJob',
  'createRecordingContext',
  'createRequest',
];

/** The imports of the test tools that its tests use. */
function withImports(source: string): string {
  const used = OF_TESTING.filter((name) => source.includes(`${name}(`));
  return source.replace(/^import \{ .* \}/, `import { ${used.join(', ')} }`);
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
