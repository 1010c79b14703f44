/**
 * Relations that tell a reader where else to look (IANA link relations). Those that make a browser fetch, run or
 * connect are not among them: `preload`, `modulepreload`, `prefetch`, `preconnect`, `dns-prefetch`, `prerender`,
 * `stylesheet`, `manifest`, `compression-dictionary`, `expect`.
 */
const RELATIONS = new Set([
  ...['about', 'alternate', 'author', 'canonical', 'collection', 'describedby', 'describes', 'edit', 'first'],
  ...['help', 'item', 'last', 'latest-version', 'license', 'next', 'original', 'predecessor-version', 'prev'],
  ...[
    'profile',
    'related',
    'self',
    'service-desc',
    'service-doc',
    'status',
    'successor-version',
    'type',
    'up',
  ],
  ...['deprecation', 'sunset', 'version-history', 'via', 'working-copy', 'working-copy-of'],
]);

/** RFC 8288 §3 without what nobody writes: one `<uri>` and its parameters, and the next behind a comma. */
const LINK = /\s*<[^<>\s]*>((?:\s*;\s*[a-z*-]+\s*=\s*(?:"[^"\\]*"|[^\s",;<>"=]+))+)\s*(?:,|$)/iy;
const RELATION = /;\s*rel\*?\s*=\s*(?:"([^"]*)"|([^\s",;]+))/gi;

/** Whether a `Link` header points at things and does nothing else. What cannot be read does. */
export function isHarmlessLink(value: string): boolean {
  LINK.lastIndex = 0;
  while (LINK.lastIndex < value.length) {
    const at = LINK.lastIndex;
    const [, parameters = ''] = LINK.exec(value) ?? [];
    if (LINK.lastIndex <= at || !hasHarmlessRelation(parameters)) return false;
  }
  return value !== '';
}

/** Browsers read the first `rel`; whoever writes two means somebody else to read the second. */
function hasHarmlessRelation(parameters: string): boolean {
  const said = [...parameters.matchAll(RELATION)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  const names = said.length === 1 ? (said[0] ?? '').toLowerCase().split(/\s+/) : [];
  return names.length > 0 && names.every((name) => RELATIONS.has(name));
}
