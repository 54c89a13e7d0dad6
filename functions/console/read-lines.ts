import { Binding, bindingResource } from '../../shared/api/binding.ts';
import { type BindingLine, byTrouble, toBindingLine } from '../../shared/explain/status/binding-line.ts';
import type { Lookups } from '../../shared/kube/lookups.ts';
import { throwBindingsUnserved } from '../../shared/kube/read-guards.ts';
import { keepShort } from '../../shared/text/keep-short.ts';

/** A binding as lists show it, and as it is searched. */
export interface Line extends BindingLine {
  readonly serviceAccount: string;
  readonly container: string;
  /** The name of its ClusterSPIFFEID, where it has one. */
  readonly output: string;
}

/** Every binding of the cluster in a line, what needs somebody first. */
export interface Lines {
  readonly lines: readonly Line[];
  /** False: there are more than are read. */
  readonly isComplete: boolean;
}

/** A line takes about 1 kB, so these are some 25 MB of the pod's 1 GiB; the pages of the list that is read take more. */
const mostLines = 25_000;
/** What is kept of a text, as much as a SPIFFE ID may have. Whoever may write a status can make each of them long. */
const longestText = 2048;

/** Reads the bindings page by page, and keeps no more of each than its line. */
export async function readLines(lookups: Lookups): Promise<Lines> {
  const listed = await lookups.listSome(bindingResource, { most: mostLines }, Binding.transform(toLine));
  if (listed === 'unserved') return throwBindingsUnserved();
  return { lines: listed.items.toSorted(byTrouble), isComplete: listed.isComplete };
}

/** What lists show of a binding. */
export function toLine(binding: Binding): Line {
  const { serviceAccountName, containerName, containerImage } = binding.spec;
  const claim = binding.status?.claim;
  const line: Line = {
    ...toBindingLine(binding),
    serviceAccount: serviceAccountName,
    container: containerName ?? containerImage ?? '',
    output: claim === undefined || claim.kind === 'unreadable' ? '' : claim.name,
  };
  const texts = Object.entries(line).map(([name, text]) => [name, keepShort(text, longestText)]);
  return Object.fromEntries(texts) as Line;
}
