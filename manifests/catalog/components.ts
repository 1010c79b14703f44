/** What the host is made of, as adapters, hooks, host calls and events name it. */
export type ComponentId =
  | 'magds'
  | 'magui'
  | 'magcli'
  | 'maggate'
  | 'magws'
  | 'magauth'
  | 'jobs'
  | 'network'
  | 'files'
  | 'metrics'
  | 'secrets'
  | 'keys'
  | 'stores';
