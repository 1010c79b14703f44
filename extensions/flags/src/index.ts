import { createFlagsExtension } from './extension.ts';

export default createFlagsExtension();
