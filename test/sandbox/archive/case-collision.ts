import { rawArchive } from '../../kernel/trust/fixtures/archives.ts';
import { smuggling } from '../world/smuggling.ts';

export default smuggling({
  name: 'names that are one on some disks',
  archive: async () =>
    rawArchive([
      { name: 'manifest.json', content: '{}' },
      { name: 'dist/index.js', content: 'export default {}' },
      { name: 'dist/INDEX.js', content: 'for (;;);' },
    ]),
  code: 'E_PKG_INVALID',
});
