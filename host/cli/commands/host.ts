import type { Command } from 'commander';
import type { JsonObject } from '../../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import type { Finding } from '../doctor/finding.ts';
import { example } from '../example.ts';
import { readPages } from '../pages.ts';
import { printable } from '../printable.ts';
import { Reported } from '../reported.ts';
import type { OpenSession, Session } from '../session.ts';
import { details, table } from '../table.ts';
import { paint } from '../terminal.ts';
import { subscriptionTable } from './event.ts';
import { extensionTable } from './extension.ts';

/** The host itself: running it, looking at it, and the story of what it does. */
export function addHostCommands(program: Command, open: OpenSession): void {
  program
    .command('start')
    .description('run a host in the foreground, until Ctrl-C')
    .addHelpText('after', example('start'))
    .action((_options: unknown, command: Command) => start(open(command)));
  program
    .command('status')
    .description('the running host: version, extensions, startup, database, degradations')
    .addHelpText('after', example('status', 'status --output json'))
    .action((_options: unknown, command: Command) => status(open(command)));
  program
    .command('doctor')
    .description('check that a host can run on this machine, and how well; exit 1 when it cannot')
    .addHelpText('after', example('doctor'))
    .action((_options: unknown, command: Command) => doctor(open(command)));
  program
    .command('demo')
    .description('play the whole story on a throw-away host, in under a minute')
    .addHelpText('after', example('demo'))
    .action((_options: unknown, command: Command) => demo(open(command)));
}

// The parts below are loaded when they are called for: no other command waits for them.

async function start(session: Session): Promise<void> {
  const { runHost } = await import('../../run-host.ts');
  await runHost(session.config());
}

async function demo(session: Session): Promise<void> {
  const { playDemo } = await import('../demo/play.ts');
  await playDemo(session.terminal);
}

async function doctor(session: Session): Promise<void> {
  const { examine } = await import('../doctor/examine.ts');
  const { config, output } = session;
  const findings = await examine(config(), session.client().url);
  const healthy = !findings.some(({ verdict }) => verdict === 'fail');
  output.print({ healthy, findings }, () => findingsText(session, findings));
  if (!healthy) throw new Reported('the machine is not fit to run a host');
}

function findingsText({ terminal }: Session, findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.map(({ check, verdict, detail, remedy }) => {
    const mark = paint(terminal.stdout, verdict, verdict.padEnd(4));
    const advice = remedy === null ? '' : `\n${' '.repeat(width + 8)}${remedy}`;
    return `${mark}  ${check.padEnd(width)}  ${printable(detail)}${advice}`;
  });
  return lines.join('\n');
}

async function status(session: Session): Promise<void> {
  const client = session.client();
  const [host, hosts, startup, extensions, subscriptions] = await Promise.all([
    client.get('/v1/host').then(objectIn),
    client.get('/v1/hosts').then((answer) => objectsIn(objectIn(answer).hosts)),
    client.get('/v1/startup').then(objectIn),
    readPages(client, '/v1/extensions', 'extensions'),
    client.get('/v1/subscriptions').then((answer) => objectsIn(objectIn(answer).subscriptions)),
  ]);
  const answer: JsonObject = { url: client.url, host, hosts, startup, extensions, subscriptions };
  session.output.print(answer, () => describeStatus(answer));
}

function describeStatus(answer: JsonObject): string {
  const [host, startup] = [objectIn(answer.host), objectIn(answer.startup)];
  const head = details([
    ['host', `${textIn(host, 'name')} ${textIn(host, 'version')}, Node ${textIn(host, 'node')}`],
    ['url', textIn(answer, 'url')],
    ['running since', textIn(host, 'startedAt')],
    ['database', textIn(host, 'database')],
    ['startup', textIn(startup, 'state')],
  ]);
  const subscriptions = objectsIn(answer.subscriptions);
  const problems = [...failures(startup), ...degradations(host)];
  return [
    head,
    ...problems,
    '',
    hostTable(objectsIn(answer.hosts)),
    '',
    extensionTable(objectsIn(answer.extensions)),
    ...(subscriptions.length === 0 ? [] : ['', subscriptionTable(subscriptions)]),
  ].join('\n');
}

/** Every host on the database, and what it runs. */
function hostTable(hosts: readonly JsonObject[]): string {
  return table(hosts, [
    ['host', (row) => textIn(row, 'address')],
    ['version', (row) => textIn(row, 'version')],
    ['state', (row) => `${textIn(row, 'state')}${row.isThis === true ? ' (this one)' : ''}`],
    ['seen', (row) => textIn(row, 'seenAt')],
    ['runs', (row) => objectsIn(row.runs).map(runText).join(', ')],
  ]);
}

function runText(run: JsonObject): string {
  const id = textIn(run, 'extension');
  return run.state === 'failed' ? `${id} (failed)` : `${id} ${textIn(run, 'version')}`;
}

function failures(startup: JsonObject): string[] {
  return objectsIn(startup.extensions)
    .filter((entry) => entry.state === 'failed')
    .map((entry) => printable(`failed: ${textIn(entry, 'extension')}, ${textIn(entry.reason, 'detail')}`));
}

function degradations(host: JsonObject): string[] {
  return objectsIn(host.degradations).map((one) =>
    printable(`degraded: ${textIn(one, 'name')}, ${textIn(one, 'detail')}`),
  );
}
