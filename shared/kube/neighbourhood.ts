import { type Binding, bindingFields } from '../api/binding.ts';
import { type Output, outputLabels } from '../api/cluster-spiffe-id.ts';
import { toLabelValue } from '../identity/label-value.ts';
import { isDnsSubdomain } from '../identity/object-names.ts';
import { managedBy } from '../identity/ownership.ts';
import type { Cluster, Listed } from './cluster.ts';
import { noBindings } from './found.ts';
import { type Bindings, toBindings } from './known-bindings.ts';
import { mergeLists } from './merge-lists.ts';

/** The service accounts under which a binding asks for a key or holds one. */
export function accountsOf({ spec, status }: Binding): string[] {
  const claimed = status?.claim?.serviceAccountName;
  return claimed === undefined ? [spec.serviceAccountName] : [spec.serviceAccountName, claimed];
}

/** Everybody who asks for, or holds, a key under these service accounts. */
export async function listNeighbours(
  cluster: Cluster,
  namespace: string,
  accounts: readonly string[],
): Promise<Bindings> {
  const paths = [bindingFields.serviceAccount, bindingFields.claimedServiceAccount];
  const fields = accounts.flatMap((value) => paths.map((path) => ({ path, value })));
  const lists = await Promise.all(fields.map((field) => cluster.listBindings({ namespace, field })));
  const served = lists.map((list) => (list === 'unserved' ? noBindings() : list));
  const { items } = await mergeLists(served, (name) => cluster.getBinding(namespace, name));
  return toBindings(items);
}

/**
 * Whether these names were listed with all that their service accounts bring. One that was there and is listed no more may
 * have others now.
 */
export function isWithin(
  names: readonly string[],
  accounts: readonly string[],
  { listed, known }: { readonly listed: Bindings; readonly known: Bindings },
): boolean {
  return names.every((name) => {
    const binding = listed.get(name);
    if (!binding) return !known.has(name);
    return accountsOf(binding).every((account) => accounts.includes(account));
  });
}

/** The outputs that may hold a key under these service accounts, and those of the bindings themselves. */
export async function listNeighbourOutputs(
  cluster: Cluster,
  namespace: string,
  names: readonly string[],
  accounts: readonly string[],
): Promise<Listed<Output> | 'unserved'> {
  const ours = { [outputLabels.managedBy]: managedBy, [outputLabels.bindingNamespace]: namespace };
  // What is no name of a service account was refused, and no output is labelled with it.
  const labels = accounts.filter(isDnsSubdomain).map(toLabelValue);
  const lists = await Promise.all([
    cluster.listOutputs({ ...ours, [outputLabels.bindingName]: names.map(toLabelValue) }),
    // The Go operator's outputs carry no service account: they may hold any key until they are taken over.
    cluster.listOutputs({ ...ours, [outputLabels.serviceAccount]: undefined }),
    ...(labels.length > 0 ? [cluster.listOutputs({ ...ours, [outputLabels.serviceAccount]: labels })] : []),
  ]);
  const served = lists.filter((list) => list !== 'unserved');
  return served.length < lists.length ? 'unserved' : mergeLists(served, (name) => cluster.getOutput(name));
}
