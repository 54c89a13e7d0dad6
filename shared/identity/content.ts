import { type Output, outputAnnotations, outputLabels } from '../api/cluster-spiffe-id.ts';
import type { NewOutput } from '../api/new-output.ts';
import { isSameJson, toCanonical } from './canonical.ts';
import { toDigest } from './digest.ts';

/** The fields of an output's spec that are ours. Only these are compared and written; a ttl beside them stays. */
const ownFields = [
  'spiffeIDTemplate',
  'podSelector',
  'namespaceSelector',
  'workloadSelectorTemplates',
  'className',
  'fallback',
  'hint',
] as const;

const ownLabels = [
  outputLabels.managedBy,
  outputLabels.bindingName,
  outputLabels.bindingNamespace,
  outputLabels.serviceAccount,
  outputLabels.key,
] as const;

/** A digest of everything in an output that is ours, and of whose it is. */
export function toContentDigest(output: Output | NewOutput): string {
  return toDigest(toCanonical(toContent(output)));
}

function toContent({ metadata, spec }: Output | NewOutput) {
  const labels = [
    ...ownLabels,
    // The class label is ours only beside a class: without one, it is somebody else's business.
    ...(spec.className === undefined ? [] : [outputLabels.className]),
    // Where overlaps are not refused, no output has it.
    ...(metadata.labels?.[outputLabels.keyShape] === undefined ? [] : [outputLabels.keyShape]),
  ];
  return {
    spec: ownFields.map((field) => spec[field] ?? null),
    labels: labels.map((label) => metadata.labels?.[label] ?? null),
    bindingUid: metadata.annotations?.[outputAnnotations.bindingUid] ?? null,
  };
}

/** Whether an output still says what we wrote: then a change of it is not news to us. */
export function isAsWritten(output: Output): boolean {
  return output.metadata.annotations?.[outputAnnotations.content] === toContentDigest(output);
}

/** Whether an output says what is wanted, and that it does. */
export function isSameContent(output: Output, wanted: NewOutput): boolean {
  const digest = wanted.metadata.annotations[outputAnnotations.content] ?? toContentDigest(wanted);
  if (output.metadata.annotations?.[outputAnnotations.content] !== digest) return false;
  // The annotation alone proves nothing: somebody may have edited what it is about.
  return isSameJson(toContent(output), toContent(wanted));
}

/** The output that is there with our fields as wanted, and everybody else's as they are. */
export function mergeContent(output: Output, wanted: NewOutput): Output {
  const labels = { ...output.metadata.labels };
  if (labels[outputLabels.className] === output.spec.className) delete labels[outputLabels.className];
  delete labels[outputLabels.keyShape];
  const spec = { ...output.spec };
  for (const field of ownFields) delete spec[field];
  return {
    ...output,
    metadata: {
      ...output.metadata,
      labels: { ...labels, ...wanted.metadata.labels },
      annotations: { ...output.metadata.annotations, ...wanted.metadata.annotations },
    },
    spec: { ...spec, ...wanted.spec },
  };
}
