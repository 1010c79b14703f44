import { besiege } from './world/siege.ts';

await besiege('floods');
