import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { example } from '../example.ts';
import { toExtensionId } from '../extension-id.ts';
import { printable } from '../printable.ts';
import type { OpenSession, Session } from '../session.ts';
import { capabilityTable } from '../staging.ts';
import { details } from '../table.ts';

interface NewOptions {
  readonly template: string;
  readonly dir?: string;
}

interface VerifyOptions {
  readonly key?: string;
  readonly policy?: string;
}

/** What an author does on their own machine, without a host. */
export function addAuthorCommands(program: Command, open: OpenSession): void {
  program
    .command('extension:new <id>')
    .description('write the beginning of an extension into a new folder')
    .option('--template <template>', 'what it begins with: endpoint, hook or event', 'endpoint')
    .option('--dir <dir>', 'the folder (default: the name of the extension)')
    .addHelpText('after', example('extension:new acme/hello --template hook'))
    .action((id: string, options: NewOptions, command: Command) => create(open(command), id, options));
  program
    .command('extension:pack [dir]')
    .description('bundle the sources and pack a folder; prints the path of the package last')
    .option('--out <file.mag>', 'where to (default: <publisher>-<name>-<version>.mag in the folder)')
    .addHelpText('after', example('extension:pack hello --out acme-hello.mag'))
    .action((dir: string | undefined, options: { out?: string }, command: Command) =>
      pack(open(command), dir ?? '.', options.out),
    );
  program
    .command('extension:sign <file>')
    .description('sign a package: writes <file>.sigstore.json beside it')
    .requiredOption('--key <file.key>', 'the private key that key:generate made')
    .addHelpText('after', example('extension:sign acme-hello-1.0.0.mag --key acme.key'))
    .action((file: string, options: { key: string }, command: Command) =>
      sign(open(command), file, options.key),
    );
  program
    .command('extension:verify <file>')
    .description('check a package and its signature as a host would, without one')
    .addOption(new Option('--key <file.pub>', 'the key it must be signed with').conflicts('policy'))
    .option('--policy <file>', 'a trust policy (default: the one in the local data folder)')
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

async function create(session: Session, text: string, { template, dir }: NewOptions): Promise<void> {
  const { scaffoldExtension } = await import('../../packaging/scaffold.ts');
  const id = toExtensionId(text);
  const folder = resolve(session.terminal.cwd, dir ?? id.slice(id.indexOf('/') + 1));
  const { files } = await scaffoldExtension({ id, dir: folder, template });
  session.output.print({ id, dir: folder, files }, () => {
    return [...files.map((file) => `  ${file}`), `${id} begins in ${folder}`].join('\n');
  });
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

async function sign(session: Session, file: string, key: string): Promise<void> {
  const { signPackage } = await import('../../packaging/sign.ts');
  const { cwd } = session.terminal;
  const bundle = await signPackage(resolve(cwd, file), resolve(cwd, key));
  session.output.print({ bundle }, () => bundle);
}

async function verify(session: Session, file: string, options: VerifyOptions): Promise<void> {
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
    ]);
    return `${head}\n\nIt asks for:\n${capabilityTable(capabilities)}`;
  });
}

async function generate(session: Session, out: string): Promise<void> {
  const { generateKey } = await import('../../packaging/keys.ts');
  const { privateKey, publicKey } = await generateKey(resolve(session.terminal.cwd, out));
  session.output.print({ privateKey, publicKey }, () => `${privateKey}\n${publicKey}`);
}
