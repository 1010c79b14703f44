import { rawArchive } from '../../kernel/trust/fixtures/archives.ts';
import { smuggling } from '../world/smuggling.ts';

export default smuggling({
  name: 'one name twice, so that who checks and who runs see different files',
  archive: async () =>
    rawArchive([
      { name: 'manifest.json', content: '{}' },
      { name: 'dist/index.js', content: 'export default {}' },
      { name: 'dist/index.js', content: 'for (;;);' },
    ]),
  code: 'E_PKG_INVALID',
});
