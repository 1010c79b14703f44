import { rawArchive } from '../../kernel/trust/fixtures/archives.ts';
import { smuggling } from '../world/smuggling.ts';

export default smuggling({
  name: 'an extended header that hides what follows',
  archive: async () =>
    rawArchive([
      { name: 'manifest.json', content: '{}' },
      { name: 'dist/index.js', content: 'x', pax: { size: '0' } },
    ]),
  code: 'E_PKG_INVALID',
});
