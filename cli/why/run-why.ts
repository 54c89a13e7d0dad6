import { toSuggestion } from '../../shared/text/suggest.ts';
import type { FlagValues } from '../command-line/flags.ts';
import type { Connection } from '../kube/connection.ts';
import { toResolve } from '../settings/resolve-settings.ts';
import { type Ending, type Given, type Tools, toEnding, toNotFound } from '../tools.ts';
import { listContainers } from '../../shared/explain/workloads/pod.ts';
import { toBindingReport } from '../../shared/explain/why/binding-report.ts';
import { toPodReport } from '../../shared/explain/why/pod-report.ts';
import {
  type Look,
  readBindingFacts,
  readElsewhere,
  readNames,
  readPodFacts,
} from '../../shared/explain/why/read-why.ts';
import { toBindingText, toPodText } from './why-text.ts';

/** kubectl kleym why pod */
export async function runWhyPod(
  { operand: name, flags }: Given,
  { terminal, connect }: Tools,
): Promise<Ending> {
  const connection = connect(flags);
  const facts = await readPodFacts(connection, name, toLook(flags));
  if (!facts) return await toMissing(connection, 'pod', name);
  const { container } = flags;
  const names = listContainers(facts.pod).map((one) => one.name);
  if (container !== undefined && !names.includes(container))
    return toNotFound(
      `pod ${connection.namespace}/${name} has no container "${container}": it has ${names.join(', ')}${toSuggestion(container, names)}`,
    );
  const here = toPodReport(facts);
  if (here.containers.some(({ matches }) => matches.length > 0))
    return toEnding(here, 0, flags, () => toPodText(here, terminal));
  // The pod may be in the wrong namespace.
  const elsewhere = await readElsewhere(connection, toResolve(flags));
  const report = toPodReport({ ...facts, bindings: [...facts.bindings, ...elsewhere] });
  return toEnding(report, 2, flags, () => toPodText(report, terminal));
}

/** kubectl kleym why binding */
export async function runWhyBinding(
  { operand: name, flags }: Given,
  { terminal, connect }: Tools,
): Promise<Ending> {
  const connection = connect(flags);
  const facts = await readBindingFacts(connection, name, toLook(flags));
  if (!facts) return await toMissing(connection, 'binding', name);
  const report = toBindingReport(facts);
  return toEnding(report, report.matches.length > 0 ? 0 : 2, flags, () => toBindingText(report, terminal));
}

function toLook(flags: FlagValues): Look {
  const { container, 'spire-namespace': spireNamespace } = flags;
  const spireNamespaces = spireNamespace === undefined ? undefined : [spireNamespace];
  return { resolve: toResolve(flags), spireNamespaces, container };
}

async function toMissing(connection: Connection, kind: 'pod' | 'binding', name: string): Promise<Ending> {
  const names = await readNames(connection, kind);
  return toNotFound(`${kind} ${connection.namespace}/${name} was not found${toSuggestion(name, names)}`);
}
