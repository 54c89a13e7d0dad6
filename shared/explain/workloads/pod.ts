import { z } from 'zod';
import { StringMap } from '../../api/strings.ts';

const Container = z.object({ name: z.string(), image: z.string().optional() });
const Containers = z.array(Container).optional();
const Statuses = z
  .array(z.object({ name: z.string(), image: z.string().optional(), imageID: z.string().optional() }))
  .optional()
  .catch(undefined);

/** What of a pod SPIRE goes by, and what people want to know beside it. */
export const Pod = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string().optional(),
    labels: StringMap.optional(),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.object({
    serviceAccountName: z.string().optional(),
    nodeName: z.string().optional(),
    containers: z.array(Container),
    initContainers: Containers,
  }),
  status: z
    .object({
      phase: z.string().optional().catch(undefined),
      containerStatuses: Statuses,
      initContainerStatuses: Statuses,
    })
    .optional()
    .catch(undefined),
});
export type Pod = z.infer<typeof Pod>;

/** A container as its node reports it. */
export interface RunningContainer {
  readonly name: string;
  readonly isInit: boolean;
  /** What its image is called by the node: by these SPIRE knows it. Empty: the node has not reported yet. */
  readonly images: readonly string[];
  /** What the pod asks for. */
  readonly wantedImage: string | undefined;
}

/** The containers of a pod that SPIRE can tell apart; it sees no ephemeral ones. */
export function listContainers({ spec, status }: Pod): readonly RunningContainer[] {
  const reported = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const toRunning =
    (isInit: boolean) =>
    ({ name, image: wantedImage }: z.infer<typeof Container>): RunningContainer => {
      const found = reported.find((one) => one.name === name);
      const images = [found?.image, found?.imageID].filter((image) => image !== undefined && image !== '');
      return { name, isInit, images: [...new Set(images)] as string[], wantedImage };
    };
  return [...spec.containers.map(toRunning(false)), ...(spec.initContainers ?? []).map(toRunning(true))];
}

/** The service account that a pod runs under; one that says nothing runs under the namespace's own. */
export function serviceAccountOf({ spec }: Pod): string {
  return spec.serviceAccountName || 'default';
}

/** A pod that may never have been: what somebody says of it. */
export interface Description {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccountName: string;
  readonly container: string;
  readonly image?: string | undefined;
}

/** A described pod. It has no name, so nobody takes it for one that is there. */
export function describePod(described: Description): Pod {
  const { namespace, labels, serviceAccountName, container: name, image } = described;
  const container = { name, ...(image !== undefined && { image }) };
  return {
    metadata: { name: '', namespace, labels },
    spec: { serviceAccountName, containers: [container] },
    status: { containerStatuses: [container] },
  };
}

/** Whether somebody only describes this pod. */
export function isDescribed({ metadata }: Pod): boolean {
  return metadata.name === '';
}

/** A pod as sentences name it. */
export function toPodTitle(pod: Pod): string {
  const { namespace, name } = pod.metadata;
  return isDescribed(pod) ? `such a pod in namespace ${namespace}` : `pod ${namespace}/${name}`;
}
