import { describe, expect, it } from 'vitest';
import { ManifestError } from '../../../manifests/manifest/manifest-error.ts';
import { parseAnyManifest } from '../../../manifests/manifest/parse-bundle.ts';

const bundle = {
  kind: 'bundle',
  id: 'acme/pack',
  version: '1.0.0',
  extensions: { 'acme/aa': '^1.0.0', 'globex/bb': '>=2' },
};

function refusal(json: unknown): ManifestError {
  try {
    parseAnyManifest(json);
  } catch (error) {
    if (error instanceof ManifestError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('parseAnyManifest', () => {
  it('takes a bundle as spec 02 writes it, and fills in what it leaves out', () => {
    const before = structuredClone(bundle);
    expect(parseAnyManifest(bundle)).toEqual({
      ...bundle,
      manifestVersion: 1,
      displayName: 'acme/pack',
      description: '',
      engines: { magflock: '*' },
    });
    expect(bundle).toEqual(before);
  });

  it('keeps what it says about itself', () => {
    const said = {
      displayName: 'Pack',
      description: 'All of it.',
      license: 'MIT',
      engines: { magflock: '^1' },
    };
    expect(parseAnyManifest({ ...bundle, ...said, requires: {} })).toMatchObject(said);
  });

  it('parses an extension as one', () => {
    expect(refusal({ ...bundle, kind: 'extension' }).problems).toContain(
      '/ has the unknown member extensions',
    );
  });

  it.each<[string, object, string]>([
    ['no members', { extensions: {} }, '/extensions'],
    ['a member without a range', { extensions: { 'acme/aa': 'newest' } }, '/extensions/acme~1aa'],
    ['a member that is no id', { extensions: { 'acme/../a': '*' } }, '/extensions'],
    ['itself as a member', { extensions: { 'acme/pack': '*' } }, '/extensions'],
    ['code', { entry: 'dist/index.js' }, 'entry'],
    ['capabilities', { capabilities: [] }, 'capabilities'],
    ['a version that is none', { version: '1' }, '/version'],
    ['another kind', { kind: 'pack' }, '/kind'],
  ])('refuses %s', (_what, part, named) => {
    const { code, message } = refusal({ ...bundle, ...part });
    expect([code, message]).toEqual(['E_MANIFEST_INVALID', expect.stringContaining(named)]);
  });

  it('says that this host does not offer licenses', () => {
    const { code, message } = refusal({ ...bundle, requires: { license: 'pro' } });
    expect([code, message]).toEqual(['E_UNSUPPORTED', expect.stringContaining('/requires/license')]);
  });
});
