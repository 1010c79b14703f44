import type { FastifyInstance } from 'fastify';
import { registerUiRoutes } from '../components/magui/ui-routes.ts';
import { registerAuditRoutes } from './audit-routes.ts';
import { registerAuthRoutes } from './auth-routes.ts';
import { registerBackupRoutes } from './backup-routes.ts';
import { registerCatalogueRoutes } from './catalogue-routes.ts';
import { registerCommandRoutes } from './command-routes.ts';
import { registerDatabaseRoutes } from './database-routes.ts';
import { registerEventRoutes } from './event-routes.ts';
import { registerExtensionRoutes } from './extension-routes.ts';
import { registerConfigRoutes, registerGrantRoutes } from './grant-routes.ts';
import { registerJobRoutes } from './job-routes.ts';
import { registerKeyRoutes } from './key-routes.ts';
import { registerLogRoutes } from './log-routes.ts';
import { registerMoveRoutes } from './move-routes.ts';
import { registerOperationRoutes } from './operation-routes.ts';
import { registerPackageRoutes } from './package-routes.ts';
import { registerProbeRoutes } from './probe-routes.ts';
import { registerProjectRoutes } from './project-routes.ts';
import { registerRegistryRoutes } from './registry-routes.ts';
import { registerReviewerRoutes } from './reviewer-routes.ts';
import { registerRevocationRoutes } from './revocation-routes.ts';
import { registerRoleRoutes } from './role-routes.ts';
import { registerSecretRoutes } from './secret-routes.ts';
import type { ControlServices } from './services.ts';
import { registerSessionRoutes } from './session-routes.ts';
import { registerStoreRoutes } from './store-routes.ts';
import { registerSubscriptionRoutes } from './subscription-routes.ts';
import { registerTokenRoutes } from './token-routes.ts';
import { registerTrustRoutes } from './trust-routes.ts';
import { registerUserRoutes } from './user-routes.ts';

const PARTS = [
  registerProbeRoutes,
  registerCatalogueRoutes,
  registerPackageRoutes,
  registerExtensionRoutes,
  registerMoveRoutes,
  registerGrantRoutes,
  registerConfigRoutes,
  registerLogRoutes,
  registerJobRoutes,
  registerOperationRoutes,
  registerEventRoutes,
  registerSubscriptionRoutes,
  registerAuditRoutes,
  registerTokenRoutes,
  registerUserRoutes,
  registerRoleRoutes,
  registerSessionRoutes,
  registerAuthRoutes,
  registerTrustRoutes,
  registerRevocationRoutes,
  registerReviewerRoutes,
  registerRegistryRoutes,
  registerProjectRoutes,
  registerDatabaseRoutes,
  registerKeyRoutes,
  registerSecretRoutes,
  registerStoreRoutes,
  registerBackupRoutes,
  registerCommandRoutes,
  registerUiRoutes,
];

/** All routes of the control API (spec 09). Who may call which is in `access.ts`. */
export function registerControlApi(app: FastifyInstance, services: ControlServices): void {
  for (const register of PARTS) register(app, services);
}
