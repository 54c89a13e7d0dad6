import { toPermissionWords } from '../../shared/explain/kube/permissions.ts';
import { checkBindings } from './check-bindings.ts';
import { checkDefinitions } from './check-definitions.ts';
import { checkEvents } from './check-events.ts';
import { checkFunctions } from './check-functions.ts';
import { checkKnative } from './check-knative.ts';
import { checkPermissions } from './check-permissions.ts';
import { checkSettings } from './check-settings.ts';
import type { Check, DoctorFacts } from './doctor-facts.ts';

/** Whether an installation, or what would be installed, is well. */
export interface DoctorReport {
  readonly schemaVersion: 'v1alpha1';
  readonly kind: 'InstallationReport' | 'OverlayReport';
  readonly checks: readonly Check[];
}

/** Examines an installation; `trial`: what came of sending a binding through. */
export function toDoctorReport(facts: DoctorFacts, trial: readonly Check[] = []): DoctorReport {
  return {
    schemaVersion: 'v1alpha1',
    kind: 'InstallationReport',
    checks: [
      ...checkDefinitions(facts),
      ...checkKnative(facts),
      ...checkFunctions(facts),
      ...checkEvents(facts),
      ...checkSettings(facts),
      ...checkBindings(facts),
      ...checkPermissions(facts),
      ...trial,
      ...facts.lacks.map((permission): Check => ({
        area: 'permissions',
        status: 'warning',
        message: `no permission to ${toPermissionWords(permission)}`,
        advice: 'ask as somebody who has it, or for it',
      })),
    ],
  };
}
