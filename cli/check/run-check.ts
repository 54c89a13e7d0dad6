import project from '../../package.json' with { type: 'json' };
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import type { FlagValues } from '../command-line/flags.ts';
import { toExitCode } from '../exit-code.ts';
import { createLacks, toPermissionWords } from '../../shared/explain/kube/permissions.ts';
import { readManifests } from '../manifests/read-manifests.ts';
import { readSnapshots } from '../manifests/read-snapshots.ts';
import { findObservedSettings } from '../../shared/explain/settings/find-observed-settings.ts';
import { resolveSettings } from '../settings/resolve-settings.ts';
import type { Ending, Given, Tools } from '../tools.ts';
import { type CheckFacts, type CheckReport, checkManifests } from './check-report.ts';
import { toCheckText, toGithubText } from './check-text.ts';
import { toSarif } from './to-sarif.ts';

/** kubectl kleym check */
export async function runCheck({ flags }: Given, tools: Tools): Promise<Ending> {
  const facts = flags['against-cluster'] ? await readAgainst(flags, tools) : await readAlone(flags, tools);
  const { report } = checkManifests(facts);
  const output = toOutput(report, flags, tools);
  return { output, problem: '', exitCode: toExitCode(report.findings, flags.strict) };
}

async function readAlone(flags: FlagValues, tools: Tools): Promise<CheckFacts> {
  const judged = await readManifests(flags, tools, flags.namespace ?? 'default');
  return { judged, settings: resolveSettings(flags, undefined).settings, snapshots: undefined };
}

async function readAgainst(flags: FlagValues, tools: Tools): Promise<CheckFacts> {
  const connection = tools.connect(flags);
  const judged = await readManifests(flags, tools, connection.namespace);
  const lacks = createLacks();
  const snapshots = await readSnapshots(connection, judged.plans, lacks);
  const [lacking] = lacks.all();
  // What seems not to be there may only be out of sight: findings would be wrong.
  if (lacking) throw new UncertainError(`no permission to ${toPermissionWords(lacking)}`);
  const bindings = [...snapshots.values()].flatMap((snapshot) => [...snapshot.bindings.values()]);
  const { settings } = resolveSettings(flags, findObservedSettings(bindings));
  return { judged, settings, snapshots };
}

function toOutput(report: CheckReport, { output }: FlagValues, { terminal }: Tools): string {
  switch (output) {
    case 'json':
      return `${JSON.stringify(report)}\n`;
    case 'sarif':
      return `${JSON.stringify(toSarif(report, project.version), null, 2)}\n`;
    case 'github':
      return toGithubText(report);
    default:
      return toCheckText(report, terminal);
  }
}
