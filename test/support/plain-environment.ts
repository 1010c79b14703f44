import { delimiter } from 'node:path';

/** As in a terminal of a user: without what npm and vitest have put there. @param first folders of the path before all others */
export function plainEnvironment(...first: string[]): NodeJS.ProcessEnv {
  const { PATH = '', HOME, NODE_EXTRA_CA_CERTS } = process.env;
  const own = PATH.split(delimiter).filter((folder) => !folder.includes('node_modules'));
  // Where a proxy signs for the registry, users have said so to Node.
  const trusted = NODE_EXTRA_CA_CERTS === undefined ? {} : { NODE_EXTRA_CA_CERTS };
  return { PATH: [...first, ...own].join(delimiter), HOME, npm_config_prefer_offline: 'true', ...trusted };
}
