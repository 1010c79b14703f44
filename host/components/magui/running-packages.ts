import { MagError } from '../../../kernel/errors.ts';
import type { Stores } from '../../../kernel/ports.ts';
import { loadPackage } from '../../../kernel/trust/verify.ts';
import type { PackageSource } from './frame-files.ts';

/** What runs, for the pages of the console. Files are hashed again when they are read. */
export function runningPackages({
  extensions,
  packages,
}: Pick<Stores, 'extensions' | 'packages'>): PackageSource {
  return {
    async digestOf(id) {
      const record = await extensions.get(id);
      return record?.state === 'enabled' ? record.digest.replace('sha256:', '') : null;
    },
    async filesOf(hex) {
      const stored = await packages.read(`sha256:${hex}`);
      if (stored === null) throw new MagError('E_NOT_FOUND', 'The package is gone.');
      return (await loadPackage(stored.archive, `sha256:${hex}`)).files;
    },
  };
}
