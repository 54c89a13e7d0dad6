import type { GoModule } from './go-module.ts';

/** Knative Eventing: sources, Brokers, Triggers. */
export const eventingModule: GoModule = {
  path: 'knative.dev/eventing',
  version: 'v0.50.0',
  checksum: 'h1:4GSn7yyMLgpGUqU0vZjcyFKK0vSi3TtZXPVzb7HW7Ds=',
};

/** Knative Serving: Services. */
export const servingModule: GoModule = {
  path: 'knative.dev/serving',
  version: 'v0.50.0',
  checksum: 'h1:9XUQq2yqUPN1YZUuGH6nF8IMvuumNvGXzCrSTYu44bA=',
};
