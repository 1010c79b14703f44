import { MagError } from '../../kernel/errors.ts';
import type { JsonObject } from '../../manifests/json.ts';
import { objectsIn, textIn } from './answer.ts';
import { UsageError } from './usage-error.ts';

/** What is granted to one extension or bundle: names, or all it asks for. */
export type Approval = readonly string[] | 'all';

/**
 * What `--approve` means for each package that is installed: `database.read` approves it for every one that asks
 * for it, `acme/notes:database.read` for that one. Nothing is ever approved silently: `--yes` alone does not say
 * what.
 * @param packages as the host answered when it staged them
 * @throws UsageError; `E_APPROVAL` for a name that none of them asks for
 */
export function approvals(
  packages: readonly JsonObject[],
  approve: string | undefined,
  yes: boolean,
): Map<string, Approval> {
  if (approve === undefined && yes && packages.some(asks))
    throw new UsageError('it asks for capabilities: say --approve all, or --approve with the names');
  if (approve === undefined || approve === 'all')
    return new Map(packages.map((row) => [textIn(row, 'id'), asks(row) ? 'all' : []]));
  const names = approve.split(',').flatMap((name) => name.trim() || []);
  // With one the host decides: it knows more than an older version of this program.
  const [only] = packages;
  if (only !== undefined && packages.length === 1) return new Map([[textIn(only, 'id'), names]]);
  const shares = new Map<string, string[]>(packages.map((row) => [textIn(row, 'id'), []]));
  for (const name of names) {
    const asking = packages.filter((row) => declares(row, name));
    if (asking.length === 0) throw new MagError('E_APPROVAL', `none of the packages asks for ${name}`);
    for (const row of asking) shares.get(textIn(row, 'id'))?.push(inTermsOf(row, name));
  }
  return shares;
}

function asks({ capabilities }: JsonObject): boolean {
  return !Array.isArray(capabilities) || capabilities.length > 0;
}

/** Of a bundle, its members ask: their names stay whole, for the host to share. */
function declares(row: JsonObject, name: string): boolean {
  const [whose, capability] = name.includes(':') ? name.split(':', 2) : [undefined, name];
  return objectsIn(row.capabilities ?? []).some((asked) => {
    const by = textIn(asked, 'member') || textIn(row, 'id');
    return textIn(asked, 'name') === capability && (whose === undefined || whose === by);
  });
}

function inTermsOf(row: JsonObject, name: string): string {
  return row.kind === 'bundle' ? name : name.slice(name.indexOf(':') + 1);
}
