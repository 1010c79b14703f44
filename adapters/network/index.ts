export { createNetworkAdapter, type NetworkAdapter } from './network-adapter.ts';
