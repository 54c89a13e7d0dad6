import type { Binding } from '../../shared/api/binding.ts';
import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import type { Resource } from '../../shared/api/object-meta.ts';
import type { Permission } from '../../shared/explain/kube/permissions.ts';
import type { ControllerManagerConfig } from '../../shared/explain/spire/controller-manager.ts';
import type {
  Broker,
  ConfigMap,
  Conditioned,
  Definition,
  Deployment,
  Pod,
  Policy,
  RoleBinding,
  Service,
  Source,
  Trigger,
} from './installation.ts';

/** A list that was read. Undefined: it may not be read; `unserved`: there is no such kind. */
export type Read<T> = readonly T[] | 'unserved' | undefined;

/** Whether there is a list to look at. */
export function isRead<T>(read: Read<T>): read is readonly T[] {
  return typeof read === 'object';
}

/** What was read of an installation. */
export interface DoctorFacts {
  readonly serverVersion: string | undefined;
  readonly served: readonly Resource[];
  readonly definitions: Read<Definition>;
  readonly services: Read<Service>;
  readonly triggers: Read<Trigger>;
  readonly brokers: Read<Broker>;
  readonly sources: Read<Source>;
  readonly pings: Read<Conditioned>;
  /** Those of adapters, and that of the sweep. */
  readonly deployments: Read<Deployment>;
  /** Those of functions and sources. */
  readonly pods: Read<Pod>;
  /** The Deployments of Knative itself. */
  readonly serving: Read<Deployment>;
  readonly eventing: Read<Deployment>;
  readonly configMaps: Read<ConfigMap>;
  readonly policies: Read<Policy>;
  readonly roleBindings: Read<RoleBinding>;
  readonly operators: Read<Deployment>;
  readonly bindings: Read<Binding>;
  readonly outputs: readonly Output[] | 'unserved' | undefined;
  readonly controllerManager: ControllerManagerConfig | undefined;
  readonly lacks: readonly Permission[];
}

/** One thing that was looked at. */
export interface Check {
  readonly area:
    | 'definitions'
    | 'knative'
    | 'functions'
    | 'events'
    | 'settings'
    | 'bindings'
    | 'permissions'
    | 'trial';
  readonly status: 'ok' | 'warning' | 'error' | 'unknown';
  readonly message: string;
  /** What to do. */
  readonly advice?: string;
  /** Where somebody wrote it, as FILE:LINE. */
  readonly place?: string;
}
