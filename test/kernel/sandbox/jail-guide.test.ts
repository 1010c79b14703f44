import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeJail } from '../../../host/jail-report.ts';
import { ROOT_DIR } from '../../../host/paths.ts';
import { probeJail } from '../../../kernel/sandbox/index.ts';

it('the guide of operators explains every layer, in the order in which doctor prints them', async () => {
  const guide = await readFile(join(ROOT_DIR, 'docs/guide/operator.md'), 'utf8');
  const [, section = ''] = guide.split('## The walls around extensions');
  const rows = section.split('\n## ')[0]?.match(/(?<=^\| `)[a-z-]+(?=` \|)/gm);
  const layers = describeJail(await probeJail());
  expect(rows).toEqual(layers.map(({ name }) => name));
});
