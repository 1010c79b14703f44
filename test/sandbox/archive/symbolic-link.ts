import { rawArchive } from '../../kernel/trust/fixtures/archives.ts';
import { smuggling } from '../world/smuggling.ts';

export default smuggling({
  name: 'a link that leads out',
  archive: async () =>
    rawArchive([
      { name: 'manifest.json', content: '{}' },
      { name: 'dist/x', type: 'symlink', linkname: '/etc/passwd' },
    ]),
  code: 'E_PKG_INVALID',
});
