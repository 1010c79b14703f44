import { type Command, InvalidArgumentError, Option } from 'commander';
import { signerOf } from '../../trust/signer-body.ts';
import { pathOf } from '../client.ts';
import { example } from '../example.ts';
import type { OpenSession, Session } from '../session.ts';
import {
  addRemovalOptions,
  addSignerOptions,
  onHostOrFile,
  type RemovalOptions,
  readSigner,
  removalPath,
  type SignerOptions,
} from '../signer.ts';
import { UsageError } from '../usage-error.ts';

interface RequireOptions {
  readonly reviews?: number;
  readonly builder?: string;
  readonly sourceRepository?: string;
  /** `false`: `--no-provenance`. */
  readonly provenance: boolean;
}

/** Whose reviews count, and what packages need beside their signature. */
export function addReviewerCommands(program: Command, open: OpenSession): void {
  addSignerOptions(
    program
      .command('trust:add-reviewer <reviewer>')
      .description('count the reviews that are signed with a key, or by an identity without one'),
    {
      from: 'count none before this time',
      until: 'count none from this time on, such as 2027-12-31T00:00:00Z',
    },
  )
    .addHelpText('after', example('trust:add-reviewer alice --key alice.pub'))
    .action((reviewer: string, options: SignerOptions, command: Command) =>
      add(open(command), reviewer, options),
    );
  addRemovalOptions(
    program
      .command('trust:remove-reviewer <reviewer>')
      .description('count the reviews of a reviewer, or of one key, no longer'),
    { key: 'only this key', identity: 'only this identity' },
  )
    .addHelpText('after', example('trust:remove-reviewer alice'))
    .action((reviewer: string, options: RemovalOptions, command: Command) =>
      remove(open(command), reviewer, options),
    );
  program
    .command('trust:require <publisher>')
    .description('what packages of a publisher need beside their signature; the rest stays as it is')
    .option('--reviews <number>', 'approvals of this many reviewers; 0: none', countOf)
    .option('--builder <id>', 'SLSA provenance that names this builder')
    .option('--source-repository <uri>', 'and this repository')
    .addOption(new Option('--no-provenance', 'no provenance').conflicts(['builder', 'sourceRepository']))
    .addHelpText(
      'after',
      example(
        'trust:require acme --reviews 2',
        'trust:require globex --builder https://github.com/globex/ext/.github/workflows/release.yml@refs/heads/main --source-repository https://github.com/globex/ext',
      ),
    )
    .action((publisher: string, options: RequireOptions, command: Command) =>
      requireMore(open(command), publisher, options),
    );
}

function countOf(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('it is a number such as 2.');
}

async function add(session: Session, reviewer: string, options: SignerOptions): Promise<void> {
  const signer = await readSigner(session, 'trust:add-reviewer', options);
  await onHostOrFile(
    session,
    () => session.client().send('POST', '/v1/reviewers', { reviewer, ...signer }),
    (trust) => trust.trustReviewer({ reviewer, ...signerOf(signer) }),
  );
  session.output.print({ reviewer }, () => `the reviews of ${reviewer} count`);
}

async function remove(session: Session, reviewer: string, options: RemovalOptions): Promise<void> {
  const named = options.keyId ?? options.identity;
  await onHostOrFile(
    session,
    () => session.client().send('DELETE', pathOf('v1', 'reviewers', reviewer, ...removalPath(options))),
    (trust) => trust.removeReviewer(reviewer, named),
  );
  const what = named === undefined ? reviewer : `${named} of ${reviewer}`;
  session.output.print(
    { reviewer, key: named ?? null, removed: true },
    () => `reviews of ${what} count no longer`,
  );
}

async function requireMore(session: Session, publisher: string, options: RequireOptions): Promise<void> {
  const { reviews, builder, sourceRepository, provenance: isKept } = options;
  if ((builder === undefined) !== (sourceRepository === undefined))
    throw new UsageError('--builder and --source-repository go together');
  const rule =
    builder !== undefined && sourceRepository !== undefined ? { builder, sourceRepository } : undefined;
  const provenance = isKept ? rule : null;
  const wanted = {
    ...(reviews === undefined ? {} : { reviews }),
    ...(provenance === undefined ? {} : { provenance }),
  };
  if (Object.keys(wanted).length === 0)
    throw new UsageError(
      'trust:require needs --reviews, --builder with --source-repository, or --no-provenance',
    );
  await onHostOrFile(
    session,
    () => session.client().send('PUT', pathOf('v1', 'trust', publisher, 'requirements'), wanted),
    (trust) => trust.require({ publisher, ...wanted }),
  );
  session.output.print(
    { publisher, ...wanted },
    () => `packages of ${publisher} are held against that when they are staged, installed or started next`,
  );
}
