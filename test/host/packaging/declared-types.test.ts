import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TYPES_FILE, writeDeclaredTypes } from '../../../host/packaging/declared-types.ts';
import { scaffoldExtension } from '../../../host/packaging/index.ts';
import { runTool } from '../../support/project-tools.ts';
import { temporaryFolders } from './fixtures/temporary-folder.ts';

const newFolder = temporaryFolders();
const none = async () => null;

/** What the compiler says about an extension in a folder; nothing when it is well. */
function compile(dir: string): Promise<string> {
  return runTool(dir, 'tsc');
}

async function scaffold(template: string): Promise<string> {
  const dir = join(await newFolder(), 'extension');
  await scaffoldExtension({ id: 'acme/hello', dir, template });
  await rm(join(dir, 'test'), { recursive: true }); // they would want vitest
  return dir;
}

async function change(dir: string, name: string, from: string, to: string): Promise<void> {
  const text = await readFile(join(dir, name), 'utf8');
  expect(text).toContain(from);
  await writeFile(join(dir, name), text.replace(from, to));
}

describe('the types of what a manifest declares', () => {
  it('refuse what it does not declare', async () => {
    const dir = await scaffold('endpoint');
    await cp(join(import.meta.dirname, 'fixtures/typed'), dir, { recursive: true });
    await writeDeclaredTypes(dir, none);
    // Each line that must not compile is marked there: one that compiles is an error of its own.
    expect(await compile(dir)).toBe('');
    const marked = (await readFile(join(dir, 'src/index.ts'), 'utf8')).match(/@ts-expect-error/g);
    expect(marked?.length).toBeGreaterThan(25);
  });

  it('name the capability that is missing', async () => {
    const dir = await scaffold('endpoint');
    await change(dir, 'src/index.ts', 'ctx.signal.throwIfAborted()', "await ctx.secrets.get('KEY')");
    expect(await compile(dir)).toMatch(/src\/index\.ts.*Undeclared<"system\.secrets">/s);
  });

  it('refuse what does not match the schema of a published event', async () => {
    const dir = await scaffold('endpoint');
    expect(await compile(dir)).toBe('');
    await change(dir, 'schemas/greeted.json', '"type": "integer"', '"type": "string"');
    expect(await compile(dir)).toBe(''); // written when it began
    const written = await writeDeclaredTypes(dir, none);
    expect(written).toMatchObject({ published: ['acme.hello.greeted'], subscribed: [], hooks: [] });
    expect(await compile(dir)).toMatch(/src\/index\.ts.*TS2322/);
  });

  it('refuse an event that the manifest does not name, and a handler of the wrong data', async () => {
    const dir = await scaffold('event');
    expect(await compile(dir)).toBe('');
    await change(dir, 'src/index.ts', "publish('acme.hello.greeted'", "publish('acme.hello.waved'");
    expect(await compile(dir)).toContain('acme.hello.waved');
    await change(dir, 'src/index.ts', "publish('acme.hello.waved'", "publish('acme.hello.greeted'");
    await change(dir, 'src/index.ts', 'greeting: event.data', 'greeting: event.data.missing');
    expect(await compile(dir)).toContain("'missing'");
  });

  it('want a handler of every hook the manifest names', async () => {
    const dir = await scaffold('hook');
    expect(await compile(dir)).toBe('');
    await change(dir, 'src/index.ts', "'maggate.wrap_request'", "'maggate.transform_response'");
    expect(await compile(dir)).toContain('maggate.wrap_request');
  });

  it('come from the catalogue for the events of the host, and from their packages for those of others', async () => {
    const dir = await scaffold('event');
    const manifest = join(dir, 'manifest.json');
    const parsed = JSON.parse(await readFile(manifest, 'utf8'));
    parsed.contributes.events.subscribes = ['extension.enabled', 'other.shop.sold'];
    await writeFile(manifest, JSON.stringify(parsed));
    await expect(writeDeclaredTypes(dir, none)).rejects.toMatchObject({
      code: 'E_NOT_FOUND',
      message: expect.stringContaining('other.shop.sold'),
    });
    const asked: string[] = [];
    await writeDeclaredTypes(dir, async (type) => {
      asked.push(type);
      return {
        title: 'Something else',
        type: 'object',
        required: ['price'],
        properties: { price: { type: 'number' } },
      };
    });
    expect(asked).toEqual(['other.shop.sold']);
    const text = await readFile(join(dir, TYPES_FILE), 'utf8');
    expect(text).toContain("'other.shop.sold': OtherShopSold;");
    expect(text).toMatch(/interface OtherShopSold \{\s*price: number\b/);
    expect(text).toMatch(/interface ExtensionEnabled \{\s*extension: string\s*version: string\b/);
  });

  it('say what is wrong with a folder that is none of an extension', async () => {
    await expect(writeDeclaredTypes(await newFolder(), none)).rejects.toMatchObject({
      code: 'E_BAD_REQUEST',
    });
  });
});
