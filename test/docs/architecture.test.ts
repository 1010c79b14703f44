import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT_DIR } from '../../host/paths.ts';

const page = await readFile(join(ROOT_DIR, 'docs/architecture.md'), 'utf8');
const picture = /^```\n(.*?)^```$/ms.exec(page.slice(page.indexOf('## One picture')))?.[1] ?? '';

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(join(ROOT_DIR, path), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

describe('the page about the architecture', () => {
  it('draws the five planes, and every component that has an adapter', async () => {
    const planes = ['client', 'control', 'mediation', 'data', 'security'].map((name) => `${name} plane`);
    const missing = [...planes, ...(await foldersIn('adapters'))].filter(
      (name) => !new RegExp(`\\b${name}\\b`).test(picture),
    );
    expect(missing).toEqual([]);
  });

  it('says of every folder what is in it', async () => {
    const source = /^(manifests|kernel|adapters|host|extensions|test)$/;
    const top = (await foldersIn('.')).filter((name) => source.test(name));
    expect(top).toHaveLength(6);
    const host = await foldersIn('host');
    // In the first column of a table, alone or with another one.
    const missing = [...top, ...host].filter((name) => !new RegExp(`^\\| [^|]*\`${name}/\``, 'm').test(page));
    expect(missing).toEqual([]);
  });
});
