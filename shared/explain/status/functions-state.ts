import { type KnativeService, isServiceReady } from './knative-service.ts';

/** Whether the functions can take requests. */
export interface FunctionsState {
  readonly status: 'OK' | 'WARNING' | 'ERROR' | 'unknown';
  readonly message?: string;
  readonly deployment?: string;
  readonly readyReplicas?: number;
  readonly replicas?: number;
  readonly version?: string;
}

/** How the functions are, seen from their Knative Services; undefined: these could not be read. */
export function toFunctionsState(
  services: readonly KnativeService[] | 'unserved' | undefined,
): FunctionsState {
  if (services === undefined) return { status: 'unknown', message: 'not readable' };
  if (services === 'unserved') return { status: 'unknown', message: 'Knative Serving is not installed' };
  const [first] = services;
  if (!first) return { status: 'unknown', message: 'no Knative Service of kleym was found' };
  const ready = services.filter(isServiceReady).length;
  const image = first.spec?.template.spec.containers[0]?.image;
  return {
    status: ready === services.length ? 'OK' : 'ERROR',
    ...(ready < services.length && { message: 'not every function is ready' }),
    deployment: first.metadata.namespace,
    readyReplicas: ready,
    replicas: services.length,
    ...(image !== undefined && { version: toTag(image) }),
  };
}

function toTag(image: string): string {
  const [, digest] = image.split('@');
  return digest ?? /:([^:/]+)$/.exec(image)?.[1] ?? image;
}
