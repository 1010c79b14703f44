import { buildSdkPackage } from './sdk-package.ts';

/** `npm run build:sdk` */
const { dir, tarball } = await buildSdkPackage();
process.stdout.write(`${dir}\n${tarball}\n`);
