import { z } from 'zod';
import { Binding, bindingResource } from '../../shared/api/binding.ts';
import { outputLabels } from '../../shared/api/cluster-spiffe-id.ts';
import type { Resource } from '../../shared/api/object-meta.ts';
import { managedBy } from '../../shared/identity/ownership.ts';
import type { FlagValues } from '../command-line/flags.ts';
import { toExitCode } from '../exit-code.ts';
import type { Connection } from '../kube/connection.ts';
import { createLacks } from '../../shared/explain/kube/permissions.ts';
import { readServedKinds } from '../../shared/explain/kube/served-kinds.ts';
import { readControllerManager } from '../../shared/explain/spire/read-controller-manager.ts';
import { partOfKleym } from '../../shared/explain/status/knative-service.ts';
import { type Ending, type Given, SetupError, type Tools, toEnding } from '../tools.ts';
import { eventingNamespace, servingNamespace } from './check-knative.ts';
import { checkOverlay } from './check-overlay.ts';
import { type DoctorFacts, isRead } from './doctor-facts.ts';
import { type DoctorReport, toDoctorReport } from './doctor-report.ts';
import { toDoctorText } from './doctor-text.ts';
import { readOverlay } from './read-overlay.ts';
import { createTrialTools, runTrial } from './trial.ts';
import {
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
  installedResources,
} from './installation.ts';

/** kubectl kleym doctor */
export async function runDoctor({ flags }: Given, tools: Tools): Promise<Ending> {
  const { terminal } = tools;
  const report =
    flags.overlay === undefined
      ? await examineInstallation(flags, tools)
      : await examineOverlay(flags.overlay, flags, tools);
  const findings = report.checks.flatMap(({ status }) =>
    status === 'error' || status === 'warning' ? [{ severity: status }] : [],
  );
  return toEnding(report, toExitCode(findings, flags.strict), flags, () => toDoctorText(report, terminal));
}

async function examineInstallation(flags: FlagValues, { connect }: Tools): Promise<DoctorReport> {
  const connection = connect(flags);
  const facts = await readFacts(connection, flags);
  const trial = flags.trial ? await runTrial(connection, facts.served, createTrialTools()) : [];
  return toDoctorReport(facts, trial);
}

async function examineOverlay(path: string, { trial }: FlagValues, tools: Tools): Promise<DoctorReport> {
  if (trial) throw new SetupError('--overlay asks no cluster, and --trial needs one: leave out one of them');
  const checks = checkOverlay(await readOverlay(path, tools));
  return { schemaVersion: 'v1alpha1', kind: 'OverlayReport', checks };
}

const Version = z.object({ gitVersion: z.string() });

async function readFacts(
  { lookups, cluster }: Connection,
  flags: Pick<FlagValues, 'spire-namespace'>,
): Promise<DoctorFacts> {
  const lacks = createLacks();
  const { services, triggers, brokers, sources, pings, ...others } = installedResources;
  const list = <T>(resource: Resource, schema: z.ZodType<T>, labels?: string, namespace?: string) =>
    lacks.attempt(() => lookups.list(resource, { labels, namespace }, schema));
  const installed = await list(services, Service, partOfKleym);
  const home = isRead(installed) ? (installed[0]?.metadata.namespace ?? 'kleym-system') : 'kleym-system';
  const named = flags['spire-namespace'];
  const reads = {
    serverVersion: lacks.attempt(() => lookups.read('/version', Version)).then((one) => one?.gitVersion),
    served: readServedKinds(lookups),
    definitions: list(others.definitions, Definition),
    triggers: list(triggers, Trigger, partOfKleym),
    brokers: list(brokers, Broker, partOfKleym),
    sources: list(sources, Source, partOfKleym),
    pings: list(pings, Conditioned, partOfKleym),
    deployments: list(others.deployments, Deployment, undefined, home),
    pods: list(others.pods, Pod, undefined, home),
    serving: list(others.deployments, Deployment, undefined, servingNamespace),
    eventing: list(others.deployments, Deployment, undefined, eventingNamespace),
    configMaps: list(others.configMaps, ConfigMap, undefined, home),
    policies: list(others.policies, Policy, partOfKleym),
    roleBindings: list(others.roleBindings, RoleBinding),
    operators: list(
      others.deployments,
      Deployment,
      'app.kubernetes.io/name=kleym,app.kubernetes.io/component=operator',
    ),
    bindings: list(bindingResource, Binding),
    outputs: lacks.attempt(() => cluster.listOutputs({ [outputLabels.managedBy]: managedBy })),
    controllerManager: readControllerManager(lookups, lacks, named === undefined ? undefined : [named]),
  };
  const read = await readAll(reads);
  const { outputs } = read;
  return {
    ...read,
    services: installed,
    outputs: outputs === undefined || outputs === 'unserved' ? outputs : outputs.items,
    lacks: lacks.all(),
  };
}

type Reads = Readonly<Record<string, Promise<unknown>>>;

async function readAll<R extends Reads>(reads: R): Promise<{ readonly [Name in keyof R]: Awaited<R[Name]> }> {
  const entries = Object.entries(reads).map(async ([name, read]) => [name, await read] as const);
  return Object.fromEntries(await Promise.all(entries)) as { readonly [Name in keyof R]: Awaited<R[Name]> };
}
