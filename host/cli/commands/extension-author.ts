import { relative, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { KeylessOptions } from '../../packaging/sign-keyless.ts';
import { askFor } from '../confirm.ts';
import { example } from '../example.ts';
import { toExtensionId } from '../extension-id.ts';
import { printable } from '../printable.ts';
import { Reported } from '../reported.ts';
import type { OpenSession, Session } from '../session.ts';
import { capabilityTable } from '../staging.ts';
import { details } from '../table.ts';
import { UsageError } from '../usage-error.ts';
import type { TrustGiven } from '../verify-offline.ts';

interface NewOptions {
  readonly template?: string;
  readonly dir?: string;
}

interface SignOptions extends KeylessOptions {
  readonly key?: string;
  readonly keyless?: boolean;
}

interface VerifyOptions extends TrustGiven {
  readonly explain?: boolean;
}

/** What an author does on their own machine, without a host. */
export function addAuthorCommands(program: Command, open: OpenSession): void {
  program
    .command('extension:new [id]')
    .description('write the beginning of an extension into a new folder; asks for what is not said')
    .option(
      '--template <template>',
      'what it begins with: endpoint (the default), hook, event, job, command, channel, panel',
    )
    .option('--dir <dir>', 'the folder (default: the name of the extension)')
    .addHelpText('after', example('extension:new', 'extension:new acme/hello --template hook --yes'))
    .action((id: string | undefined, options: NewOptions, command: Command) =>
      create(open(command), id, options),
    );
  program
    .command('extension:pack [dir]')
    .description('bundle the sources and pack a folder; prints the path of the package last')
    .option('--out <file.mag>', 'where to (default: <publisher>-<name>-<version>.mag in the folder)')
    .addHelpText('after', example('extension:pack hello --out acme-hello.mag'))
    .action((dir: string | undefined, options: { out?: string }, command: Command) =>
      pack(open(command), dir ?? '.', options.out),
    );
  program
    .command('extension:types [dir]')
    .description('write what the manifest declares as TypeScript types')
    .option('--package <file.mag...>', 'packages whose events it subscribes to (default: asks the host)')
    .addHelpText('after', example('extension:types hello', 'extension:types --package other-1.0.0.mag'))
    .action((dir: string | undefined, options: { package?: string[] }, command: Command) =>
      types(open(command), dir ?? '.', options.package ?? []),
    );
  program
    .command('extension:sign <file>')
    .description('sign a package: writes <file>.sigstore.json beside it')
    .option('--key <file.key>', 'the private key that key:generate made')
    .addOption(new Option('--keyless', 'with a certificate for the identity of this CI run').conflicts('key'))
    .option('--identity-token <token>', 'for --keyless: an OpenID Connect token (default: SIGSTORE_ID_TOKEN)')
    .option('--fulcio-url <url>', 'for --keyless: the certificate authority')
    .option('--rekor-url <url>', 'for --keyless: the transparency log')
    .addHelpText(
      'after',
      example(
        'extension:sign acme-hello-1.0.0.mag --key acme.key',
        'extension:sign acme-hello-1.0.0.mag --keyless',
      ),
    )
    .action((file: string, options: SignOptions, command: Command) => sign(open(command), file, options));
  program
    .command('extension:verify <file>')
    .description('check a package and its signature as a host would, without one')
    .addOption(new Option('--key <file.pub>', 'the key it must be signed with').conflicts('policy'))
    .option('--policy <file>', 'a trust policy (default: the one in the local data folder)')
    .option('--revocations <list...>', 'signed revocation lists (default: those of the host that runs here)')
    .option('--explain', 'say what was looked at and found, and what to do about a refusal')
    .addHelpText('after', example('extension:verify acme-hello-1.0.0.mag --key acme.pub'))
    .action((file: string, options: VerifyOptions, command: Command) => verify(open(command), file, options));
  program
    .command('key:generate')
    .description('make a key pair to sign packages with: <prefix>.key and <prefix>.pub')
    .requiredOption('--out <prefix>', 'path and name of the files, without ending')
    .addHelpText('after', example('key:generate --out acme'))
    .action((options: { out: string }, command: Command) => generate(open(command), options.out));
}

// The tools below are loaded when they are called for: bundler and schemas take their time to load.

async function create(session: Session, text: string | undefined, options: NewOptions): Promise<void> {
  const { isTemplate, scaffoldExtension } = await import('../../packaging/scaffold.ts');
  if (options.template !== undefined && !isTemplate(options.template))
    throw new UsageError(`there is no template "${printable(options.template)}"; see mag help extension:new`);
  const asks = session.terminal.stdin.isTTY && !session.yes;
  if (text === undefined && !asks) throw new UsageError('extension:new needs an id such as acme/hello');
  const id = toExtensionId(text ?? (await askFor(session, 'Its id (publisher/name)')));
  const template = options.template ?? (asks ? await askForTemplate(session) : 'endpoint');
  const dir = resolve(session.terminal.cwd, options.dir ?? id.slice(id.indexOf('/') + 1));
  const { files } = await scaffoldExtension({ id, dir, template });
  session.output.print({ id, template, dir, files }, () =>
    [
      ...files.map((file) => `  ${file}`),
      `${id} begins in ${dir}`,
      `next: npm install in there, then mag extension:test ${relative(session.terminal.cwd, dir) || '.'}`,
    ].join('\n'),
  );
}

async function askForTemplate(session: Session): Promise<string> {
  const { TEMPLATES } = await import('../../packaging/templates/template.ts');
  return askFor(session, `It begins with (${TEMPLATES.join(', ')})`, 'endpoint');
}

async function pack(session: Session, dir: string, out: string | undefined): Promise<void> {
  const { packExtension } = await import('../../packaging/pack.ts');
  const { cwd } = session.terminal;
  const packed = await packExtension(resolve(cwd, dir), out === undefined ? undefined : resolve(cwd, out));
  const { file, digest, sizeBytes, entries } = packed;
  session.output.print({ file, digest, sizeBytes, entries: [...entries] }, () => {
    const lines = entries.map((entry) => `  ${printable(entry)}`);
    return [...lines, `${digest}, ${sizeBytes} bytes`, file].join('\n');
  });
}

async function types(session: Session, dir: string, packages: readonly string[]): Promise<void> {
  const { writeDeclaredTypes } = await import('../../packaging/declared-types.ts');
  const { findSchemas } = await import('../event-schemas.ts');
  const written = await writeDeclaredTypes(
    resolve(session.terminal.cwd, dir),
    findSchemas(session, packages),
  );
  const { file, published, subscribed, hooks } = written;
  session.output.print(
    { file, published: [...published], subscribed: [...subscribed], hooks: [...hooks] },
    () => {
      const counts = `${published.length} published, ${subscribed.length} subscribed, ${hooks.length} hooks`;
      return `${file}: ${counts}`;
    },
  );
}

async function sign(session: Session, file: string, options: SignOptions): Promise<void> {
  const { key, keyless = false } = options;
  const { cwd, env } = session.terminal;
  if (key === undefined && !keyless) throw new UsageError('extension:sign needs --key or --keyless');
  const bundle =
    key === undefined
      ? await keylessly(resolve(cwd, file), { identityToken: env.SIGSTORE_ID_TOKEN, ...options })
      : await (await import('../../packaging/sign.ts')).signPackage(resolve(cwd, file), resolve(cwd, key));
  session.output.print({ bundle }, () => bundle);
}

async function keylessly(file: string, options: SignOptions): Promise<string> {
  const { signKeyless } = await import('../../packaging/sign-keyless.ts');
  return signKeyless(file, options);
}

async function verify(session: Session, file: string, options: VerifyOptions): Promise<void> {
  if (options.explain === true) return explain(session, file, options);
  const { verifyOffline } = await import('../verify-offline.ts');
  const verified = await verifyOffline(session, file, options);
  session.output.print(verified, () => {
    const { id, version, digest, signedBy, capabilities } = verified;
    const head = details([
      ['extension', `${id} ${version}`],
      ['publisher', verified.publisher],
      ['tier', verified.tier],
      ['signed by', signedBy],
      ['digest', digest],
      ['revocations', verified.revocations],
    ]);
    if (verified.extensions === undefined) return `${head}\n\nIt asks for:\n${capabilityTable(capabilities)}`;
    const members = Object.entries(verified.extensions).map(([id, range]) => `  ${id} ${range}`);
    return [head, '', 'It is a bundle of:', ...members].join('\n');
  });
}

async function explain(session: Session, file: string, options: TrustGiven): Promise<void> {
  const { explainVerification } = await import('../explain-verify.ts');
  const explained = await explainVerification(session, file, options);
  const { verdict, reason } = explained;
  const isRefused = verdict !== 'accepted';
  const answer = isRefused ? { ...explained, error: { code: verdict, detail: reason } } : explained;
  session.output.print(answer, () =>
    details([
      ['package', explained.package],
      ['digest', explained.digest],
      ['signature', explained.signature],
      ['made for', explained.madeFor],
      ['publisher', explained.publisher],
      ['revocations', explained.revocations],
      ['needs', explained.needs],
      ...explained.attestations.map((line) => ['attestation', line] as const),
      ['verdict', `${verdict}: ${reason}`],
      ...(explained.remedy === '' ? [] : [['what to do', explained.remedy] as const]),
    ]),
  );
  if (isRefused) throw new Reported();
}

async function generate(session: Session, out: string): Promise<void> {
  const { generateKey } = await import('../../packaging/keys.ts');
  const { privateKey, publicKey } = await generateKey(resolve(session.terminal.cwd, out));
  session.output.print({ privateKey, publicKey }, () => `${privateKey}\n${publicKey}`);
}
