export { createFilesAdapter, type FilesAdapter } from './files-adapter.ts';
export { type Mount, Mounts } from './mounts.ts';
