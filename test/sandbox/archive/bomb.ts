import { gzipSync } from 'node:zlib';
import { smuggling } from '../world/smuggling.ts';

export default smuggling({
  name: 'a gigabyte of nothing in a megabyte',
  archive: async () => gzipSync(Buffer.alloc(1_000_000_000)),
  code: 'E_PKG_INVALID',
});
