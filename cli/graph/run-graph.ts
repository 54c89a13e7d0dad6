import type { Snapshot } from '../../shared/decide/world.ts';
import { collectCluster } from '../../shared/collect/collect-cluster.ts';
import type { FlagValues } from '../command-line/flags.ts';
import type { Connection } from '../kube/connection.ts';
import { type Lacks, createLacks, toPermissionWords } from '../../shared/explain/kube/permissions.ts';
import { tolerate } from '../../shared/explain/kube/tolerant-cluster.ts';
import { findObservedSettings } from '../../shared/explain/settings/find-observed-settings.ts';
import { readWithSettings } from '../../shared/explain/settings/read-with-settings.ts';
import { resolveSettings, toResolve } from '../settings/resolve-settings.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { Ending, Given, Tools } from '../tools.ts';
import { toDot, toMermaid } from './graph-languages.ts';
import { toGraphText } from './graph-text.ts';
import { type IdentityGraph, toIdentityGraph } from '../../shared/explain/graph/identity-graph.ts';
import { toSvg } from './to-svg.ts';

/** kubectl kleym graph */
export async function runGraph({ flags }: Given, { terminal, connect }: Tools): Promise<Ending> {
  const connection = connect(flags);
  const lacks = createLacks();
  const snapshots = await readSnapshots(connection, lacks, flags);
  const bindings = snapshots.flatMap((snapshot) => [...snapshot.bindings.values()]);
  const { settings } = resolveSettings(flags, findObservedSettings(bindings));
  const problem = lacks
    .all()
    .map((permission) => `Note: no permission to ${toPermissionWords(permission)}\n`)
    .join('');
  const output = toOutput(toIdentityGraph(snapshots, settings), flags.output, terminal);
  return { output, problem, exitCode: 0 };
}

async function readSnapshots(
  connection: Connection,
  lacks: Lacks,
  flags: FlagValues,
): Promise<readonly Snapshot[]> {
  const { cluster } = connection;
  if (flags['all-namespaces'])
    return await collectCluster(tolerate(cluster, lacks, new Date(0).toISOString()));
  const { snapshot } = await readWithSettings(connection, lacks, toResolve(flags));
  return [snapshot];
}

function toOutput(graph: IdentityGraph, output: string | undefined, terminal: Terminal): string {
  switch (output) {
    case 'mermaid':
      return toMermaid(graph);
    case 'dot':
      return toDot(graph);
    case 'svg':
      return toSvg(graph);
    default:
      return toGraphText(graph, terminal);
  }
}
