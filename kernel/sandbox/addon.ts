import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MagError } from '../errors.ts';

/**
 * The file of isolated-vm's native module for this machine. The host only looks for it and never loads it.
 * @throws `E_CONFIG` when the package has none
 */
export function findAddon(): string {
  const root = packageRoot();
  const { platform, arch, versions } = process;
  const abi = `isolated-vm.abi${versions.modules}`;
  const candidates = [
    join(root, 'build', 'Release', 'isolated_vm.node'),
    join(
      root,
      'prebuilds',
      `${platform}-${arch}`,
      platform === 'linux' ? `${abi}.${libc()}.node` : `${abi}.node`,
    ),
  ];
  const found = candidates.find((file) => existsSync(file));
  if (found === undefined) {
    throw new MagError(
      'E_CONFIG',
      `isolated-vm has no native module for ${platform}-${arch} and Node ${process.version}; reinstall it with this Node`,
    );
  }
  return found;
}

function packageRoot(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve('isolated-vm/package.json'));
  } catch (cause) {
    throw new MagError('E_CONFIG', 'the package isolated-vm is not installed', { cause });
  }
}

function libc(): 'glibc' | 'musl' {
  return existsSync('/etc/alpine-release') ? 'musl' : 'glibc';
}
