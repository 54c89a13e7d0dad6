import type { Finding } from '../../shared/explain/finding.ts';
import type { Cause, Judge } from './create-judge.ts';
import { parseFieldPath } from './parse-field-path.ts';
import { type Manifest, type ParsedManifests, type Place, locate } from './parse-manifests.ts';
import { type Accepted, type Plan, toPlans } from './plan.ts';

/** Something that was found in a file. */
export interface FileFinding extends Pick<Finding, 'id' | 'severity' | 'reason' | 'message'>, Place {
  /** Such as `InferenceIdentityBinding team-a/chat`; empty: the file itself. */
  readonly object: string;
}

/** Manifests as an API server would take them, and what is wrong with the others. */
export interface JudgedManifests {
  readonly count: number;
  /** Those of kinds that are none of ours. */
  readonly skipped: number;
  readonly accepted: readonly Accepted[];
  readonly plans: readonly Plan[];
  readonly findings: readonly FileFinding[];
}

/** Judges manifests; those that name no namespace are meant for the given one. */
export function judgeManifests(
  { manifests, problems }: ParsedManifests,
  judge: Judge,
  defaultNamespace: string,
): JudgedManifests {
  const accepted: Accepted[] = [];
  const findings: FileFinding[] = [];
  const seen = new Map<string, Manifest>();
  let skipped = 0;
  for (const manifest of manifests) {
    const namespace = manifest.namespace ?? defaultNamespace;
    const judgement = judge.judge(manifest, namespace);
    if (judgement.kind === 'unknown') {
      skipped++;
      continue;
    }
    const object = toTitle(manifest, namespace);
    const earlier = seen.get(`${manifest.apiVersion} ${object}`);
    if (earlier) findings.push(toDuplicate(manifest, earlier, object));
    seen.set(`${manifest.apiVersion} ${object}`, manifest);
    if (judgement.kind === 'accepted') accepted.push({ manifest, namespace, object: judgement.object });
    else findings.push(...judgement.causes.map((cause) => toAdmission(manifest, cause, object)));
  }
  return {
    count: manifests.length,
    skipped,
    accepted,
    plans: toPlans(accepted),
    findings: [...problems.map(toProblem), ...findings],
  };
}

function toProblem({ reason, message, ...place }: ParsedManifests['problems'][number]): FileFinding {
  const id = reason === 'InvalidYaml' ? 'invalid-yaml' : 'no-manifest';
  return { id, severity: 'error', reason, message, object: '', ...place };
}

/** How a manifest is named in messages. */
export function toTitle({ kind, name }: Manifest, namespace: string): string {
  return kind === 'ClusterSPIFFEID' ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

function toDuplicate(manifest: Manifest, earlier: Manifest, object: string): FileFinding {
  const { file, line } = locate(earlier, ['metadata', 'name']);
  const message = `${object} was defined before, at ${file}:${line}: the later one would overwrite it`;
  const place = locate(manifest, ['metadata', 'name']);
  return { id: 'duplicate', severity: 'error', reason: 'Duplicate', message, object, ...place };
}

function toAdmission(manifest: Manifest, { field, reason, message }: Cause, object: string): FileFinding {
  const place = locate(manifest, parseFieldPath(field));
  const said = field === '' ? message : `${field}: ${message}`;
  return { id: 'admission', severity: 'error', reason, message: said, object, ...place };
}
