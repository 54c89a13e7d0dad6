import type { Binding, Claim } from '../api/binding.ts';
import type { Identity } from '../identity/render-identity.ts';

/** The fields that every claim of a binding has. */
export function toClaimed(
  binding: Binding,
  { key, output }: Identity,
): Pick<Claim, 'name' | 'serviceAccountName' | 'key'> {
  const { serviceAccountName } = binding.spec;
  return { name: output.metadata.name, serviceAccountName, ...(key !== undefined && { key }) };
}
