import { rawArchive } from '../../kernel/trust/fixtures/archives.ts';
import { smuggling } from '../world/smuggling.ts';

export default smuggling({
  name: 'a manifest that speaks for another publisher',
  archive: async () =>
    rawArchive([
      {
        name: 'manifest.json',
        content:
          '{"manifestVersion":1,"kind":"extension","id":"acme/canary","version":"2.0.0","displayName":"x","description":"x","license":"MIT","engines":{"magflock":"^1.0.0"},"entry":"dist/index.js"}',
      },
      { name: 'dist/index.js', content: 'export default {}' },
    ]),
  code: 'E_SIG_IDENTITY',
});
