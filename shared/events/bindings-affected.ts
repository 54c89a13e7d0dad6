import { CloudEvent } from 'cloudevents';
import { z } from 'zod';
import { type Done, done } from '../api/outcome.ts';
import { compareText } from '../identity/canonical.ts';
import { toDigest } from '../identity/digest.ts';
import { isDnsLabel, isDnsSubdomain } from '../identity/object-names.ts';
import { describeIssues } from '../text/describe-issues.ts';
import { type Answer, type Facts, type RefusedEvent, nothing, refusedEvent, reply } from './answers.ts';
import { type Cause, toCorrelation } from './correlation.ts';
import { countNames, cutNames, mostNames } from './cut-names.ts';
import { quote } from './quote.ts';

/** The type of the event that asks for a look at bindings. */
export const bindingsAffectedType = 'red.sonda.kleym.bindings.affected';

/**
 * Bindings of one namespace to look at. `isWhole`: collect the whole namespace, because less would not show why they are
 * named. `hasOwnReason`: each of them showed why it is named, with its pool and its objective; if it does not any more, it
 * needs no look.
 */
export const BindingNames = z.object({
  namespace: z.string().refine(isDnsLabel, { error: 'expected the name of a namespace' }),
  names: z.array(z.string().refine(isDnsSubdomain, { error: 'expected the name of a binding' })).min(1),
  isWhole: z.boolean().optional(),
  hasOwnReason: z.boolean().optional(),
});
export type BindingNames = Readonly<z.infer<typeof BindingNames>>;

const BindingsAffected = z.object({ bindings: z.array(BindingNames) });

/** Which function names which bindings, because of which event. */
export interface Affected {
  readonly from: string;
  /** The event that this one follows from. */
  readonly cause: Cause;
  readonly bindings: readonly BindingNames[];
}

/**
 * The event that names these bindings. Its id follows from its cause and from what it says: told twice, it is one event,
 * which a Broker may deliver once. With only the cause in it, a Broker that drops known ids would drop the answer to a
 * second delivery even where it names other bindings.
 */
export function toBindingsAffected({
  from,
  cause,
  bindings,
}: Affected): CloudEvent<{ bindings: BindingNames[] }> {
  const sorted = toSorted(bindings);
  const namespaces = new Set(sorted.map(({ namespace }) => namespace));
  const [only, ...others] = namespaces;
  const data = { bindings: sorted };
  return new CloudEvent({
    type: bindingsAffectedType,
    source: `/kleym/${from}`,
    id: toDigest(JSON.stringify([from, cause.id, data])),
    ...toCorrelation(cause),
    datacontenttype: 'application/json',
    // A partitioned broker keeps the order within a key, and reconcile works on one namespace at a time.
    ...(only !== undefined && others.length === 0 && { subject: only, partitionkey: only }),
    data,
  });
}

/**
 * A reply that names these bindings, or nothing if there are none. If one event cannot carry all names, the others are
 * left to the sweep, which finds every binding that needs anything. The facts say how many they are.
 */
export function answerBindingsAffected(affected: Affected, facts: Facts = {}): Answer {
  const all = toSorted(affected.bindings);
  if (all.length === 0) return nothing({ bindings: 0, ...facts });
  const bindings = cutNames(all, affected.cause.id);
  const carried = countNames(bindings);
  const left = countNames(all) - carried;
  const counts = { bindings: carried, ...(left > 0 && { leftToSweep: left }) };
  return reply(toBindingsAffected({ ...affected, bindings }), { ...counts, ...facts });
}

/** Reads the bindings that an event names: each once in a group, sorted. */
export function parseBindingsAffected(event: CloudEvent<unknown>): Done<BindingNames[]> | RefusedEvent {
  if (event.type !== bindingsAffectedType) {
    return refusedEvent('not an event that this function reads', {
      found: `type ${quote(event.type)}`,
      expected: bindingsAffectedType,
    });
  }
  const count = countUnparsed(event.data);
  if (count > mostNames) {
    return refusedEvent('the data names too many bindings', {
      found: `${count} names`,
      expected: `at most ${mostNames}`,
    });
  }
  const data = BindingsAffected.safeParse(event.data);
  if (data.success) return done(toSorted(data.data.bindings));
  return refusedEvent('the data does not name bindings', {
    found: describeIssues(data.error, 'data'),
    expected: '{"bindings": [{"namespace": "…", "names": ["…"]}]}',
  });
}

/** Counts names before they are parsed. A namespace without names counts too, because it has to be read. */
function countUnparsed(data: unknown): number {
  const bindings: unknown = typeof data === 'object' && data !== null && 'bindings' in data && data.bindings;
  if (!Array.isArray(bindings)) return 0;
  return bindings.reduce((sum: number, one: unknown) => sum + Math.max(1, countOf(one)), 0);
}

function countOf(one: unknown): number {
  const names: unknown = typeof one === 'object' && one !== null && 'names' in one && one.names;
  return Array.isArray(names) ? names.length : 0;
}

/** By namespace, and last those that need a look at the whole of it. */
function toSorted(bindings: readonly BindingNames[]): BindingNames[] {
  const whole = bindings.filter(({ isWhole }) => isWhole);
  const others = bindings.filter(({ isWhole }) => !isWhole);
  const own = others.filter(({ hasOwnReason }) => hasOwnReason);
  const plain = others.filter(({ hasOwnReason }) => !hasOwnReason);
  return [
    ...merge(plain),
    ...merge(own).map((group) => ({ ...group, hasOwnReason: true })),
    ...merge(whole).map((group) => ({ ...group, isWhole: true })),
  ].toSorted((a, b) => compareText(a.namespace, b.namespace));
}

function merge(bindings: readonly BindingNames[]): Pick<BindingNames, 'namespace' | 'names'>[] {
  const byNamespace = Map.groupBy(bindings, ({ namespace }) => namespace);
  return [...byNamespace]
    .map(([namespace, groups]) => ({
      namespace,
      names: [...new Set(groups.flatMap(({ names }) => names))].toSorted(compareText),
    }))
    .filter(({ names }) => names.length > 0);
}
