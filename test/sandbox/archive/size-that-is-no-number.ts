import { gzipSync } from 'node:zlib';
import { rawTar } from '../../kernel/trust/fixtures/archives.ts';
import { smuggling } from '../world/smuggling.ts';

export default smuggling({
  name: 'an entry whose size is no number',
  archive: async () => gzipSync(withoutSize(await rawTar([{ name: 'manifest.json', content: '{}' }]))),
  code: 'E_PKG_INVALID',
});

/** Neither octal nor base 256 in the size of the first entry, with its checksum mended. */
function withoutSize(tar: Buffer): Buffer {
  tar[124] = 0xd8;
  const sum = Buffer.from(tar.subarray(0, 512))
    .fill(0x20, 148, 156)
    .reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return tar;
}
