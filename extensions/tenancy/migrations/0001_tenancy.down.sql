DROP TABLE projects, subscriptions, apps, surfaces, memberships, users, tenants;
