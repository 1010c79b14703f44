import { SDK_DIR } from '../sdk-plugin.ts';
import type { Naming } from './naming.ts';

/** The files around the code that every template has. */
export function projectFiles(naming: Naming, template: string): [string, string][] {
  return [
    ['schemas/greeted.json', json(GREETED)],
    ['package.json', json(packageJson(naming))],
    ['tsconfig.json', json(TSCONFIG)],
    ['README.md', readme(naming, template)],
    ['LICENSE', license(naming)],
    ['.gitignore', 'dist/\nnode_modules/\n*.mag\n*.mag.sigstore.json\n*.key\n'],
  ];
}

const GREETED = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'greetings'],
  properties: { name: { type: 'string' }, greetings: { type: 'integer', minimum: 1 } },
};

const TSCONFIG = {
  compilerOptions: {
    target: 'ES2023',
    lib: ['ES2023'],
    module: 'ESNext',
    moduleResolution: 'Bundler',
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true,
    // The sandbox has neither Node nor a browser around the code.
    types: [],
    paths: { '#sdk': [`${SDK_DIR}/index.ts`] },
  },
  include: ['src'],
};

function packageJson({ publisher, name }: Naming): object {
  return { name: `@${publisher}/${name}`, version: '1.0.0', private: true, type: 'module', license: 'MIT' };
}

function readme({ id, publisher, name, displayName, greeted }: Naming, template: string): string {
  const also: Record<string, string> = {
    hook: '\n`GET /headers` shows the header that its hook adds to requests.\n',
    event: `\nIt subscribes to \`${greeted}\` and logs each greeting.\n`,
  };
  return `# ${displayName}

\`GET /x/${id}/greet/:name\` greets by name, counts the greetings and publishes \`${greeted}\`.
\`GET /x/${id}/now\` asks the database for its time.
${also[template] ?? ''}
## Try it

\`\`\`sh
mag key:generate --out ${publisher}
mag trust:add ${publisher} --key ${publisher}.pub
mag extension:pack
mag extension:sign ${publisher}-${name}-1.0.0.mag --key ${publisher}.key
mag extension:install ${publisher}-${name}-1.0.0.mag --approve all --enable --yes
\`\`\`
`;
}

function license({ publisher, name }: Naming): string {
  return `MIT License

Copyright (c) the authors of ${publisher}/${name}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`;
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
