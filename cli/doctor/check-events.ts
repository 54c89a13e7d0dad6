import { bindingResource } from '../../shared/api/binding.ts';
import { outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import { toApiVersion } from '../../shared/api/object-meta.ts';
import { compareText } from '../../shared/identity/canonical.ts';
import { type Check, type DoctorFacts, type Read, isRead } from './doctor-facts.ts';
import {
  type Conditioned,
  type Definition,
  type Pod,
  type Source,
  brokerNames,
  findTrouble,
  pingNames,
  sourceLabel,
  triggerNames,
} from './installation.ts';

/** Whether changes find their way to the functions. */
export function checkEvents(facts: DoctorFacts): Check[] {
  return [
    ...checkReady(facts.brokers, 'Broker', brokerNames),
    ...checkTriggers(facts),
    ...checkSources(facts),
    ...checkReady(facts.pings, 'PingSource', pingNames),
    ...checkLastSweep(facts),
  ];
}

function checkReady(found: Read<Conditioned>, kind: string, names: readonly string[]): Check[] {
  const area = 'events';
  if (found === undefined) return [{ area, status: 'unknown', message: `${kind}s could not be read` }];
  if (found === 'unserved')
    return [
      { area, status: 'error', message: `Knative serves no ${kind}`, advice: 'install Knative Eventing' },
    ];
  return names.map((name): Check => {
    const one = found.find(({ metadata }) => metadata.name === name);
    if (!one)
      return {
        area,
        status: 'error',
        message: `${kind} ${name} is not installed`,
        advice: 'apply your overlay',
      };
    const trouble = findTrouble(one);
    if (trouble === undefined) return { area, status: 'ok', message: `${kind} ${name} is ready` };
    const advice = `kubectl -n ${one.metadata.namespace} describe ${kind.toLowerCase()} ${name}`;
    return { area, status: 'error', message: `${kind} ${name} is not ready: ${trouble}`, advice };
  });
}

/** A function may have several Triggers: that one leads to it does not say that it hears all. */
function checkTriggers({ triggers }: DoctorFacts): Check[] {
  const area = 'events';
  if (triggers === undefined) return [{ area, status: 'unknown', message: 'Triggers could not be read' }];
  if (triggers === 'unserved') return [];
  const broken = triggers.flatMap((trigger): Check[] => {
    const trouble = findTrouble(trigger);
    if (trouble === undefined) return [];
    const { name, namespace } = trigger.metadata;
    const advice = `kubectl -n ${namespace} describe trigger ${name}`;
    return [{ area, status: 'error', message: `Trigger ${name} is not ready: ${trouble}`, advice }];
  });
  const installed = triggers.map(({ metadata }) => metadata.name);
  const missing = triggerNames
    .filter((name) => !installed.includes(name))
    .map((name): Check => ({
      area,
      status: 'error',
      message: `Trigger ${name} is not installed`,
      advice: 'apply your overlay',
    }));
  if (broken.length + missing.length > 0) return [...broken, ...missing];
  return [{ area, status: 'ok', message: `${triggers.length} Triggers are ready` }];
}

/** Kinds that nobody serves in another group, and that nobody can do without. */
const ownKinds: readonly string[] = [bindingResource.kind, outputResource.kind];

/** A kind that is served and that no source watches is noticed by the sweep only. */
function checkSources(facts: DoctorFacts): Check[] {
  const { sources, served } = facts;
  const area = 'events';
  if (sources === undefined)
    return [{ area, status: 'unknown', message: 'ApiServerSources could not be read' }];
  if (sources === 'unserved') return [];
  const watched = sources.flatMap(({ spec }) =>
    spec.resources.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`),
  );
  const unwatched = served.filter((kind) => !watched.includes(`${toApiVersion(kind)} ${kind.kind}`));
  return [
    ...unwatched.map((kind): Check => {
      const title = `${kind.kind} of ${toApiVersion(kind)}`;
      return {
        area,
        status: ownKinds.includes(kind.kind) ? 'error' : 'warning',
        message: `${title} is served, and no source watches it: changes wait for the sweep`,
        advice: ownKinds.includes(kind.kind)
          ? 'apply your overlay'
          : 'apply your overlay; if its group is not in it, add the component of the group (knative/components)',
      };
    }),
    ...sources.map((source) => checkSource(source, facts)),
  ];
}

function checkSource(source: Source, facts: DoctorFacts): Check {
  const area = 'events';
  const { name, namespace } = source.metadata;
  const trouble = findTrouble(source);
  if (trouble !== undefined)
    return {
      area,
      status: 'error',
      message: `ApiServerSource ${name} is not ready: ${trouble}`,
      advice: `kubectl -n ${namespace} describe apiserversource ${name}`,
    };
  const stillness = findStillness(source, facts);
  if (stillness === undefined) return { area, status: 'ok', message: `ApiServerSource ${name} watches` };
  return {
    area,
    status: 'error',
    message: `the adapter of ApiServerSource ${name} ${stillness}: nothing is watched`,
    // One that was scaled to zero has no pod, and Knative does not scale it back; but it makes a new Deployment.
    advice: `kubectl -n ${namespace} delete deployment -l ${sourceLabel}=${name}: Knative makes a new one; its pod's log says more`,
  };
}

/** Ready says that an adapter was made. It may not run; and of a kind that was not served when it began it never hears. */
function findStillness(
  { metadata, spec }: Source,
  { deployments, pods, definitions }: DoctorFacts,
): string | undefined {
  const isOfSource = (one: { readonly metadata: Source['metadata'] }) =>
    one.metadata.labels?.[sourceLabel] === metadata.name;
  const deployment = isRead(deployments) ? deployments.find(isOfSource) : undefined;
  if (deployment && (deployment.status?.availableReplicas ?? 0) === 0) return 'does not run';
  const started = isRead(pods) ? pods.filter(isOfSource).flatMap(startOf) : [];
  const late = isRead(definitions)
    ? definitions.filter((definition) => spec.resources.some((resource) => isDefinedBy(resource, definition)))
    : [];
  const missed = late.find(({ metadata: { creationTimestamp = '' } }) =>
    started.some((start) => start < creationTimestamp),
  );
  return missed && `began before ${missed.metadata.name} was installed`;
}

function startOf({ status }: Pod): string[] {
  return (status?.containerStatuses ?? []).flatMap(({ state }) => state?.running?.startedAt ?? []);
}

function isDefinedBy(
  { apiVersion, kind }: Source['spec']['resources'][number],
  { spec }: Definition,
): boolean {
  return spec.names.kind === kind && apiVersion.startsWith(`${spec.group}/`);
}

/** The sweep leaves no trace but that its Deployment was scaled. */
function checkLastSweep({ deployments }: DoctorFacts): Check[] {
  if (!isRead(deployments)) return [];
  const times = deployments
    .filter(({ metadata }) => metadata.labels?.['serving.knative.dev/service'] === 'sweep')
    .flatMap(({ status }) => status?.conditions ?? [])
    .flatMap(({ lastUpdateTime }) => lastUpdateTime ?? [])
    .toSorted(compareText);
  const last = times.at(-1);
  return last === undefined
    ? []
    : [{ area: 'events', status: 'ok', message: `the sweep was last scaled at ${last}` }];
}
