import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { KeylessOptions } from '../../packaging/sign-keyless.ts';
import type { Outcome, ReviewReport } from '../../review/report.ts';
import { example } from '../example.ts';
import { printable } from '../printable.ts';
import { Reported } from '../reported.ts';
import type { OpenSession, Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';

interface AttestOptions extends Omit<KeylessOptions, 'identityToken'> {
  readonly report: string;
  readonly key?: string;
  readonly keyless?: boolean;
  readonly identityToken?: string;
}

interface ReviewOptions {
  readonly report?: string;
  readonly database?: string;
  readonly config?: string;
  readonly call: readonly string[];
  readonly with: readonly string[];
  readonly tests: boolean;
}

/** What a reviewer goes through before a package is approved. */
export function addReviewCommands(program: Command, open: OpenSession): void {
  program
    .command('extension:review <dir|file.mag>')
    .description('go through the review checklist; exit 1 when something fails')
    .option('--report <file.json>', 'write the report, which a reviewer can approve, into a file')
    .option(
      '--database <url>',
      'a Postgres server to make a throw-away database on (default: an embedded one)',
    )
    .option('--config <file.json>', 'the configuration the extension is installed with')
    .addOption(
      new Option('--call <request...>', 'what to measure').default(
        [],
        'every GET endpoint without parameters',
      ),
    )
    .addOption(
      new Option('--with <dir|file.mag...>', 'what it depends on').default([], 'what MagFlock comes with'),
    )
    .option('--no-tests', 'do not run the tests of the folder, which run outside of the sandbox')
    .addHelpText('after', example('extension:review hello --report review.json'))
    .action((target: string, options: ReviewOptions, command: Command) =>
      review(open(command), target, options),
    );
  program
    .command('extension:attest <file>')
    .description('approve a package: signs the report of its review into <file>.intoto.jsonl beside it')
    .requiredOption('--report <file.json>', 'what extension:review reported of this very package')
    .option('--key <file.key>', 'the private key of the reviewer, as key:generate makes it')
    .addOption(new Option('--keyless', 'with a certificate for the identity in the token').conflicts('key'))
    .option('--identity-token <token>', 'for --keyless: an OpenID Connect token (default: SIGSTORE_ID_TOKEN)')
    .option('--fulcio-url <url>', 'for --keyless: the certificate authority')
    .option('--rekor-url <url>', 'for --keyless: the transparency log')
    .addHelpText(
      'after',
      example('extension:attest acme-hello-1.0.0.mag --report review.json --key alice.key'),
    )
    .action((file: string, options: AttestOptions, command: Command) => attest(open(command), file, options));
}

async function attest(session: Session, file: string, options: AttestOptions): Promise<void> {
  const { report, key, keyless = false, ...signing } = options;
  const { cwd, env } = session.terminal;
  if (key === undefined && !keyless) throw new UsageError('extension:attest needs --key or --keyless');
  const { attestReview } = await import('../../packaging/attest.ts');
  const by =
    key === undefined
      ? { keyless: { identityToken: env.SIGSTORE_ID_TOKEN, ...signing } }
      : { key: resolve(cwd, key) };
  const attested = await attestReview(resolve(cwd, file), resolve(cwd, report), by);
  const { verdict, sha256 } = attested.report;
  const answer = { file: attested.file, replaced: attested.replaced, report: { verdict, sha256 } };
  session.output.print(answer, () => {
    const earlier = attested.replaced ? ['an earlier review of yours is replaced'] : [];
    const person = verdict === 'person' ? ['you vouch for what the report leaves to a person'] : [];
    return [...earlier, ...person, attested.file].join('\n');
  });
}

async function review(session: Session, target: string, options: ReviewOptions): Promise<void> {
  const { reviewExtension } = await import('../review/review.ts');
  const { reportJson } = await import('../../review/report.ts');
  const { report: reportFile, tests, call, with: needed, ...host } = options;
  const asked = { ...host, needed, calls: call, isTested: tests };
  const report = await reviewExtension(session, target, asked);
  const json = reportJson(report);
  if (reportFile !== undefined)
    await writeFile(resolve(session.terminal.cwd, reportFile), `${JSON.stringify(json, null, 2)}\n`);
  session.output.print(json, () => text(report));
  if (report.verdict === 'fail') throw new Reported();
}

const MARKS: Readonly<Record<Outcome, string>> = { pass: 'pass  ', fail: 'FAIL  ', person: 'person' };
const VERDICTS: Readonly<Record<Outcome, string>> = {
  pass: 'everything passes',
  fail: 'it fails',
  person: 'nothing fails; a person has to look at what is marked',
};

function text({ extension, version, digest, checks, verdict }: ReviewReport): string {
  const lines = checks.flatMap(({ outcome, title, findings }) => [
    `${MARKS[outcome]}  ${title}`,
    ...findings.flatMap((finding) => finding.split('\n')).map((line) => `        ${printable(line)}`),
  ]);
  return [`${extension} ${version}`, digest, '', ...lines, '', `verdict: ${VERDICTS[verdict]}`].join('\n');
}
