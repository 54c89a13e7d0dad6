import type { Binding } from '../api/binding.ts';
import type { Refused } from '../api/outcome.ts';
import type { Served, Sources } from '../identity/sources.ts';
import { toOthers } from '../text/suggest.ts';

/** The message of a refusal. Of a reference that leads nowhere it says what there is, as far as that was read. */
export function describeRefusal(
  { reason, message }: Pick<Refused, 'reason' | 'message'>,
  { spec }: Pick<Binding, 'spec'>,
  { pools, objectives }: Pick<Sources, 'pools' | 'objectives'>,
): string {
  switch (reason) {
    case 'TargetPoolNotFound':
      return `${message}${toOthers(spec.poolRef.name, namesOf(pools, spec.poolRef.group))}`;
    case 'TargetObjectiveNotFound':
      return `${message}${toOthers(spec.objectiveRef?.name ?? '', namesOf(objectives, spec.objectiveRef?.group))}`;
    default:
      return message;
  }
}

function* namesOf(served: Readonly<Record<string, Served<unknown>>>, wanted = ''): Iterable<string> {
  for (const [group, objects] of Object.entries(served))
    if (objects !== 'unserved' && ['', group].includes(wanted.trim())) yield* objects.keys();
}
