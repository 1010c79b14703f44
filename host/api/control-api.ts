import type { FastifyInstance } from 'fastify';
import { registerAuditRoutes } from './audit-routes.ts';
import { registerCatalogueRoutes } from './catalogue-routes.ts';
import { registerEventRoutes } from './event-routes.ts';
import { registerExtensionRoutes } from './extension-routes.ts';
import { registerConfigRoutes, registerGrantRoutes } from './grant-routes.ts';
import { registerLogRoutes } from './log-routes.ts';
import { registerMoveRoutes } from './move-routes.ts';
import { registerOperationRoutes } from './operation-routes.ts';
import { registerPackageRoutes } from './package-routes.ts';
import { registerProbeRoutes } from './probe-routes.ts';
import type { ControlServices } from './services.ts';
import { registerTokenRoutes } from './token-routes.ts';
import { registerTrustRoutes } from './trust-routes.ts';

const PARTS = [
  registerProbeRoutes,
  registerCatalogueRoutes,
  registerPackageRoutes,
  registerExtensionRoutes,
  registerMoveRoutes,
  registerGrantRoutes,
  registerConfigRoutes,
  registerLogRoutes,
  registerOperationRoutes,
  registerEventRoutes,
  registerAuditRoutes,
  registerTokenRoutes,
  registerTrustRoutes,
];

/** All routes of the control API (spec 09). Who may call which is in `access.ts`. */
export function registerControlApi(app: FastifyInstance, services: ControlServices): void {
  for (const register of PARTS) register(app, services);
}
