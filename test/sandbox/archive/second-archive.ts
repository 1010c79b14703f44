import { gzipSync } from 'node:zlib';
import { rawTar } from '../../kernel/trust/fixtures/archives.ts';
import { smuggling } from '../world/smuggling.ts';

export default smuggling({
  name: 'a second archive behind the first',
  archive: async () =>
    Buffer.concat([
      gzipSync(await rawTar([{ name: 'manifest.json', content: '{}' }])),
      gzipSync(await rawTar([{ name: 'dist/index.js', content: 'x' }])),
    ]),
  code: 'E_PKG_INVALID',
});
