import { stringify } from 'yaml';
import { outputAnnotations, outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import type { NewOutput } from '../../shared/api/new-output.ts';
import { toApiVersion } from '../../shared/api/object-meta.ts';
import { compareText } from '../../shared/identity/canonical.ts';
import { checkManifests } from '../check/check-report.ts';
import { toCheckText } from '../check/check-text.ts';
import { toExitCode } from '../exit-code.ts';
import { readManifests } from '../manifests/read-manifests.ts';
import { resolveSettings } from '../settings/resolve-settings.ts';
import { plain } from '../terminal/paint.ts';
import type { Ending, Given, Tools } from '../tools.ts';

/** kubectl kleym render */
export async function runRender({ flags }: Given, tools: Tools): Promise<Ending> {
  const judged = await readManifests(flags, tools, flags.namespace ?? 'default');
  const { settings } = resolveSettings(flags, undefined);
  const { report, rendered } = checkManifests({ judged, settings, snapshots: undefined });
  const outputs = rendered
    .map(({ identity }) => toManifest(identity.output))
    .toSorted((a, b) => compareText(a.metadata.name, b.metadata.name));
  const output =
    flags.output === 'json'
      ? `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: outputs })}\n`
      : outputs.map((one) => stringify(one, { lineWidth: 0 })).join('---\n');
  const problem = report.findings.length === 0 ? '' : toCheckText(report, { width: undefined, paint: plain });
  return { output, problem, exitCode: toExitCode(report.findings, flags.strict) };
}

/** An output as somebody would write it. Which binding it belongs to, by its uid, is known in a cluster only. */
function toManifest({ metadata, spec }: NewOutput) {
  const { name, labels, annotations } = metadata;
  const own = { [outputAnnotations.bindingName]: annotations[outputAnnotations.bindingName] ?? '' };
  const { kind } = outputResource;
  return {
    apiVersion: toApiVersion(outputResource),
    kind,
    metadata: { name, labels, annotations: own },
    spec,
  };
}
