import { type Check, type DoctorFacts, isRead } from './doctor-facts.ts';
import { type Service, findTrouble, functionNames } from './installation.ts';

/** Whether every function is there once, and ready. */
export function checkFunctions({ services, operators }: DoctorFacts): Check[] {
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

function toSecond(message: string): Check {
  return { area: 'functions', status: 'error', message, advice: 'remove one: they overwrite each other' };
}
