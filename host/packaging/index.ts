export { generateKey } from './keys.ts';
export { packExtension } from './pack.ts';
export { scaffoldExtension } from './scaffold.ts';
export { signPackage } from './sign.ts';
