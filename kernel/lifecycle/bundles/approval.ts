import type { ExtensionId, Manifest } from '../../../manifests/manifest/manifest.ts';
import { MagError } from '../../errors.ts';

type Approval = readonly string[] | 'all';

/**
 * What an approval for a bundle means for each member that is moved: `database.read` approves it for every one
 * that declares it, `acme/notes:database.read` for that one. Pure.
 * @throws `E_APPROVAL` for a name that none of them declares
 */
export function shareApproval(
  bundle: ExtensionId,
  members: readonly Pick<Manifest, 'id' | 'capabilities'>[],
  approve: Approval,
): Map<ExtensionId, Approval> {
  if (approve === 'all') return new Map(members.map(({ id }) => [id, 'all']));
  const shares = new Map<ExtensionId, string[]>(members.map(({ id }) => [id, []]));
  for (const name of new Set(approve)) {
    const [only, capability] = name.includes(':') ? name.split(':', 2) : [undefined, name];
    const declaring = members.filter(
      ({ id, capabilities }) =>
        (only === undefined || only === id) && capabilities.some((request) => request.name === capability),
    );
    if (capability === undefined || declaring.length === 0)
      throw new MagError('E_APPROVAL', `no member that ${bundle} installs or switches declares ${name}`);
    for (const { id } of declaring) shares.get(id)?.push(capability);
  }
  return shares;
}
