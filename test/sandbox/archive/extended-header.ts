import { rawArchive } from '../../kernel/trust/fixtures/archives.ts';
import { smuggling } from '../world/smuggling.ts';

export default smuggling({
  name: 'an extended header that renames a file',
  archive: async () =>
    rawArchive([
      { name: 'manifest.json', content: '{}' },
      { name: 'dist/index.js', content: 'x', pax: { path: '../../outside.js' } },
    ]),
  code: 'E_PKG_INVALID',
});
