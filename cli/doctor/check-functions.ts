import { type Check, type DoctorFacts, isRead } from './doctor-facts.ts';
import { type Pod, type Service, findTrouble, functionNames } from './installation.ts';

/** Whether every function is there once, and ready. */
export function checkFunctions({ services, pods, operators }: DoctorFacts): Check[] {
  const area = 'functions';
  const advice = 'kubectl apply --server-side -k your overlay';
  if (services === undefined)
    return [{ area, status: 'unknown', message: 'the functions could not be read' }];
  if (services === 'unserved')
    return [
      {
        area,
        status: 'error',
        message: 'Knative Serving is not installed',
        advice: 'install Knative Serving',
      },
    ];
  const namespaces = [...new Set(services.map(({ metadata }) => metadata.namespace))];
  const images = [...new Set(services.flatMap(imageOf))];
  return [
    ...functionNames.map((name): Check => {
      const found = services.filter(({ metadata }) => metadata.name === name);
      const [first] = found;
      if (!first) return { area, status: 'error', message: `function ${name} is not installed`, advice };
      const stuck = isRead(pods) ? found.flatMap((one) => findStuckPod(one, pods) ?? []) : [];
      if (stuck[0]) return { area, status: 'error', ...stuck[0] };
      const trouble = found.map(findTrouble).find((one) => one !== undefined);
      if (trouble === undefined) return { area, status: 'ok', message: `function ${name} is ready` };
      const where = `kubectl -n ${first.metadata.namespace} describe ksvc ${name}`;
      return { area, status: 'error', message: `function ${name} is not ready: ${trouble}`, advice: where };
    }),
    ...(images.length > 1
      ? [
          {
            area,
            status: 'warning',
            message: `the functions run different images: ${images.join(', ')}`,
            advice,
          } as const,
        ]
      : []),
    ...(namespaces.length > 1
      ? [toSecond(`functions of kleym are installed in the namespaces ${namespaces.join(' and ')}`)]
      : []),
    ...(isRead(operators) && operators.length > 0
      ? [toSecond(`the Go operator runs, too (${operators.map(({ metadata }) => metadata.name).join(', ')})`)]
      : []),
  ];
}

function imageOf({ spec }: Service): string[] {
  return spec.template.spec.containers.flatMap(({ image }) => image ?? []);
}

/** What a container waits for where nothing is wrong. */
const ordinary: readonly string[] = ['ContainerCreating', 'PodInitializing'];

/** A pod that cannot start. Knative only says Unknown until the Revision's progress deadline, ten minutes later. */
function findStuckPod(
  { metadata, status }: Service,
  pods: readonly Pod[],
): Pick<Check, 'message' | 'advice'> | undefined {
  const revisions = [status?.latestCreatedRevisionName, status?.latestReadyRevisionName];
  const own = pods.filter(({ metadata: { namespace, labels = {} } }) => {
    const revision = labels['serving.knative.dev/revision'];
    return namespace === metadata.namespace && revision !== undefined && revisions.includes(revision);
  });
  for (const pod of own)
    for (const { image = '', state } of pod.status?.containerStatuses ?? []) {
      const reason = state?.waiting?.reason;
      if (reason === undefined || ordinary.includes(reason)) continue;
      const message = `function ${metadata.name} does not start: ${reason}, image ${image}`;
      return { message, advice: adviseOnStuck(reason, pod) };
    }
  return undefined;
}

function adviseOnStuck(reason: string, { metadata: { namespace, name } }: Pod): string {
  if (reason === 'CrashLoopBackOff')
    return `kubectl -n ${namespace} logs ${name} --all-containers --previous --prefix`;
  const describe = `kubectl -n ${namespace} describe pod ${name}`;
  if (!reason.includes('Image')) return describe;
  return `set "images" of your overlay to an image that the nodes can pull, and apply it; ${describe} says what the registry answers`;
}

function toSecond(message: string): Check {
  return { area: 'functions', status: 'error', message, advice: 'remove one: they overwrite each other' };
}
