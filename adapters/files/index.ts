export { createFilesAdapter, type FilesAdapter } from './files-adapter.ts';
