import type { Binding, Claim } from '../api/binding.ts';
import type { Identity } from '../identity/render-identity.ts';

/** What every claim of a binding says, whatever may land by it. */
export function toClaimed(
  binding: Binding,
  { key, output }: Identity,
): Pick<Claim, 'name' | 'serviceAccountName' | 'key'> {
  const { serviceAccountName } = binding.spec;
  return { name: output.metadata.name, serviceAccountName, ...(key !== undefined && { key }) };
}
