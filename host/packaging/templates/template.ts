import { endpointFiles, type TemplateFiles } from './endpoint.ts';
import { eventFiles } from './event.ts';
import { hookFiles } from './hook.ts';
import type { Naming } from './naming.ts';
import { projectFiles } from './project.ts';

/** The kinds of extension that `mag extension:new` can start. */
export const TEMPLATES = ['endpoint', 'hook', 'event'] as const;
export type Template = (typeof TEMPLATES)[number];

const MAKERS: Readonly<Record<Template, (naming: Naming) => TemplateFiles>> = {
  endpoint: endpointFiles,
  hook: hookFiles,
  event: eventFiles,
};

/** All files of a new extension, by their paths in its folder. */
export function templateFiles(template: Template, naming: Naming): Map<string, string> {
  const { manifest, source } = MAKERS[template](naming);
  return new Map([
    ['manifest.json', `${JSON.stringify(manifest, null, 2)}\n`],
    ['src/index.ts', source],
    ...projectFiles(naming, template),
  ]);
}
