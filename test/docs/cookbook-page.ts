import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT_DIR } from '../../host/paths.ts';

/** A section of the cookbook with the blocks in it. */
export interface Recipe {
  readonly title: string;
  /** What its extension is called behind `cookbook/`. */
  readonly name: string;
  /** What its manifest has of its own. */
  readonly manifest: Record<string, unknown> & {
    readonly capabilities: readonly { readonly name: string }[];
  };
  /** All other blocks, by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly calls: readonly RecipeCall[];
}

export interface RecipeCall {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly status: number;
  /** `undefined`: the page does not say. */
  readonly answer: unknown;
}

const BLOCK = /^```(\w+)(?: (\S+))?\n(.*?)^```$/gms;

export async function readCookbook(): Promise<Recipe[]> {
  const page = await readFile(join(ROOT_DIR, 'docs/guide/cookbook.md'), 'utf8');
  return page.split('\n## ').slice(1).map(recipeOf);
}

function recipeOf(section: string): Recipe {
  const title = section.slice(0, section.indexOf('\n'));
  const files: Record<string, string> = {};
  let manifest = '';
  let calls = '';
  for (const [, kind, path, content = ''] of section.matchAll(BLOCK)) {
    if (path !== undefined) files[path] = content;
    else if (kind === 'json') manifest = content;
    else if (kind === 'ts') files['src/index.ts'] = content;
    else if (kind === 'http') calls = content;
  }
  const name = title.toLowerCase().replaceAll(' ', '-');
  return { title, name, manifest: JSON.parse(manifest), files, calls: callsOf(calls) };
}

/** `GET /path`, a body as JSON behind it; on the next line the status, and the body of the answer. */
function callsOf(block: string): RecipeCall[] {
  const lines = block.trim().split('\n');
  return Array.from({ length: lines.length / 2 }, (_, index) => {
    const [, method = '', path = '', body] = /^(\S+) (\S+)(?: (.*))?$/.exec(lines[index * 2] ?? '') ?? [];
    const [, status = '', answer] = /^(\d{3})(?: (.*))?$/.exec(lines[index * 2 + 1] ?? '') ?? [];
    const value = (json: string | undefined) => (json === undefined ? undefined : JSON.parse(json));
    return { method, path, body: value(body), status: Number(status), answer: value(answer) };
  });
}
