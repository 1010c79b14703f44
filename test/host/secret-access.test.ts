import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT_DIR } from '../../host/paths.ts';

/*
 * Every secret comes through one resolver (document 004, 0.5): nothing else reads the environment, the folder of
 * secrets or a Vault, and no name of a secret is written into code. Names are in manifests, mappings and command lines.
 */

interface Source {
  readonly path: string;
  /** Without comments: examples may name secrets. */
  readonly code: string;
}

const SOURCES: readonly Source[] = ['manifests', 'kernel', 'adapters', 'host', 'extensions'].flatMap(
  (folder) =>
    readdirSync(join(ROOT_DIR, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/\.(test|d)\.ts$|(^|\/)dist\//.test(file))
      .map((file) => {
        const path = join(folder, file);
        return { path, code: withoutComments(readFileSync(join(ROOT_DIR, path), 'utf8')) };
      }),
);

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
}

/** Files with the pattern, and what of it is in them. */
function found(pattern: RegExp, sources = SOURCES): string[] {
  return sources.flatMap(({ path, code }) => [...code.matchAll(pattern)].map(([text]) => `${path}: ${text}`));
}

const files = (rows: readonly string[]) => [...new Set(rows.map((row) => row.split(':')[0] ?? ''))].sort();

const ENVIRONMENT =
  /process\s*\??\.\s*env\b|process\s*\??\.?\s*\[\s*['"`]env|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b|Deno\.env|from ['"]dotenv/g;
/** A name in a call that reads a secret. */
const NAMED = /\b(?:resolve|shared|secretFor|secrets\.get|password)\(\s*['"`][A-Z][A-Z0-9_]+['"`]/g;

describe('the environment', () => {
  it('is read in one file of the host, and in the harness that starts a host for authors', () => {
    expect(files(found(ENVIRONMENT))).toEqual(['host/config.ts', 'host/testing/harness.ts']);
  });

  it('is handed on to programs, and asked by name for where they are', () => {
    expect(found(/\benvironment\(\)(?:\.(?!(?:PATH|HOME)\b)\w+|\s*\[)/g)).toEqual([]);
    expect(found(/\{[^}]*\}\s*=\s*environment\(\)/g)).toEqual([]);
  });

  it('has secrets under one prefix, which one file takes out of it', () => {
    expect(files(found(/['"`]MAG_SECRET_/g))).toEqual(['host/config.ts']);
  });
});

describe('secrets', () => {
  it('are named nowhere in code that reads one', () => {
    // An extension of ours reads those that its manifest names.
    const own = SOURCES.filter(({ path }) => !path.startsWith('extensions/'));
    expect(found(NAMED, own)).toEqual([]);
    for (const row of found(
      NAMED,
      SOURCES.filter(({ path }) => path.startsWith('extensions/')),
    )) {
      const [path = '', text = ''] = row.split(': ');
      const manifest = readFileSync(join(ROOT_DIR, path.replace(/src\/.*$/, 'manifest.json')), 'utf8');
      const names = (JSON.parse(manifest).secrets ?? []).map(({ name }: { name: string }) => name);
      expect([row, names]).toEqual([row, expect.arrayContaining([/[A-Z][A-Z0-9_]+/.exec(text)?.[0]])]);
    }
  });

  it('are resolved in one place; its parts are made and read nowhere else', () => {
    const parts =
      /\b(?:createSecretResolver|createEnvironmentSecrets|new VaultPlace|new MappedSecrets|new SecretPlaces|askVault)\b/g;
    expect(files(found(parts)).filter((path) => !path.startsWith('adapters/secrets/'))).toEqual([]);
    // The command line writes them, on the machine of the host; a review and the harness make up their own.
    expect(files(found(/\bnew SecretFolder\b/g))).toEqual([
      ...[
        'adapters/secrets/secrets-adapter.ts',
        'host/cli/commands/secret.ts',
        'host/cli/review/review-host.ts',
        'host/testing/run-test-host.ts',
      ],
    ]);
    expect(files(found(/Dir, ['"`]secrets['"`]\)/g))).toEqual([
      ...[
        'host/cli/commands/secret.ts',
        'host/cli/review/review-host.ts',
        'host/compose.ts',
        'host/testing/run-test-host.ts',
      ],
    ]);
  });

  it('have no value in code: nothing that looks like one', () => {
    const shapes =
      /['"`](?:hvs\.[\w-]{20,}|s\.[A-Za-z0-9]{24}|sk_live_\w+|AKIA[0-9A-Z]{16}|gh[pousr]_\w{30,}|xox[abp]-[\w-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY-----\\n[\w+/])/g;
    expect(found(shapes)).toEqual([]);
  });
});

describe('what the scan looks for', () => {
  const scan = (pattern: RegExp, code: string) =>
    found(pattern, [{ path: 'host/x.ts', code: withoutComments(code) }]);

  it.each([
    'const key = process.env.STRIPE_KEY;',
    "const key = process.env['STRIPE_KEY'];",
    "const key = process['env'].KEY;",
    'const { env } = process;',
    'const key = process?.env.KEY;',
  ])('is found in %s', (code) => {
    expect(scan(ENVIRONMENT, code)).toHaveLength(1);
  });

  it.each(["await resolver.shared('STRIPE_KEY')", 'secretFor( "HOOK_KEY"', "resolve('API_KEY', by)"])(
    'is found in %s',
    (code) => {
      expect(scan(NAMED, code)).toHaveLength(1);
    },
  );

  it('is not found in comments, nor in names that are handed on', () => {
    expect(scan(ENVIRONMENT, '/** `process.env.KEY` */\n// process.env')).toEqual([]);
    expect(scan(NAMED, 'resolver.shared(name); resolver.shared(connection.secret)')).toEqual([]);
  });
});
