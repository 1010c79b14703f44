import { rawArchive } from '../../kernel/trust/fixtures/archives.ts';
import { smuggling } from '../world/smuggling.ts';

export default smuggling({
  name: 'an absolute path',
  archive: async () =>
    rawArchive([
      { name: 'manifest.json', content: '{}' },
      { name: '/tmp/from-an-archive', content: 'x' },
    ]),
  code: 'E_PKG_INVALID',
});
