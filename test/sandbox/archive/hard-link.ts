import { rawArchive } from '../../kernel/trust/fixtures/archives.ts';
import { smuggling } from '../world/smuggling.ts';

export default smuggling({
  name: 'a second name for a file',
  archive: async () =>
    rawArchive([
      { name: 'manifest.json', content: '{}' },
      { name: 'dist/x', type: 'link', linkname: '/etc/passwd' },
    ]),
  code: 'E_PKG_INVALID',
});
