import { Binding, bindingResource } from '../../shared/api/binding.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import type { FlagValues } from '../command-line/flags.ts';
import type { Connection } from '../kube/connection.ts';
import { createLacks } from '../../shared/explain/kube/permissions.ts';
import { readServedKinds } from '../../shared/explain/kube/served-kinds.ts';
import { KnativeService, partOfKleym, serviceResource } from '../../shared/explain/status/knative-service.ts';
import type { StatusFacts } from './status-report.ts';

type StatusFlags = Pick<FlagValues, 'namespace' | 'all-namespaces' | 'selector'>;

/** Reads what there is to say of the bindings of one namespace, or of all. */
export async function readStatus(
  connection: Connection,
  flags: StatusFlags,
): Promise<Omit<StatusFacts, 'generatedAt' | 'cliVersion'>> {
  const { lookups } = connection;
  const lacks = createLacks();
  const asked = flags['all-namespaces'] ? undefined : flags.namespace;
  const [served, listed, services] = await Promise.all([
    readServedKinds(lookups),
    lacks.attempt(() => list(connection, asked, flags.selector)),
    lacks.attempt(() => lookups.list(serviceResource, { labels: partOfKleym }, KnativeService)),
  ]);
  if (listed !== undefined)
    return { namespace: asked, bindings: listed, served, services, lacks: lacks.all() };

  // Nobody asked for all of them in particular, so the namespace of the context is better than nothing.
  const { namespace } = connection;
  if (flags['all-namespaces'] || asked !== undefined)
    throw new UncertainError('no permission to list inferenceidentitybindings; -n NAMESPACE asks for less');
  const bindings = await list(connection, namespace, flags.selector);
  return { namespace, bindings, served, services, lacks: lacks.all() };
}

async function list(
  { lookups }: Connection,
  namespace: string | undefined,
  labels: string | undefined,
): Promise<StatusFacts['bindings']> {
  return await lookups.list(bindingResource, { namespace, labels }, Binding);
}
