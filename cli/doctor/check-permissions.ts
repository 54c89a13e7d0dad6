import { type Check, type DoctorFacts, isRead } from './doctor-facts.ts';

/** Who needs no permission: it only names what events are about. */
const needsNone = 'map-binding';

/** Whether the functions and sources still have roles: Knative says Ready without them, and nothing happens. */
export function checkPermissions({ services, sources, roleBindings }: DoctorFacts): Check[] {
  if (!isRead(roleBindings)) return [];
  const holders = [
    ...(isRead(services) ? services : [])
      .filter(({ metadata }) => metadata.name !== needsNone)
      .map(({ metadata, spec }) => ({
        title: `function ${metadata.name}`,
        namespace: metadata.namespace,
        account: spec.template.spec.serviceAccountName ?? 'default',
      })),
    ...(isRead(sources) ? sources : []).map(({ metadata, spec }) => ({
      title: `ApiServerSource ${metadata.name}`,
      namespace: metadata.namespace,
      account: spec.serviceAccountName ?? 'default',
    })),
  ];
  const subjects = roleBindings.flatMap((one) => one.subjects ?? []);
  return holders
    .filter(
      ({ namespace, account }) =>
        !subjects.some(
          (subject) =>
            subject.kind === 'ServiceAccount' && subject.name === account && subject.namespace === namespace,
        ),
    )
    .map(({ title, account }) => ({
      area: 'permissions',
      status: 'error',
      message: `${title} has no permissions: no ClusterRoleBinding names service account ${account}`,
      advice: 'apply your overlay',
    }));
}
