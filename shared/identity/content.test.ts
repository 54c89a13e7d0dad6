import { describe, expect, test } from 'vitest';
import { createBinding, createSources, exampleSettings, perObjective } from '../../test/support/inference.ts';
import { type Output, outputAnnotations, outputLabels } from '../api/cluster-spiffe-id.ts';
import type { NewOutput } from '../api/new-output.ts';
import { isAsWritten, isSameContent, mergeContent, toContentDigest } from './content.ts';
import { renderIdentity } from './render-identity.ts';
import type { Settings } from './settings.ts';

function render(settings: Partial<Settings> = {}, containerName = 'main'): NewOutput {
  const binding = createBinding({ ...perObjective, containerName });
  const { outcome } = renderIdentity(binding, createSources(), { ...exampleSettings, ...settings });
  if (outcome.kind === 'refused') throw new Error(outcome.message);
  return outcome.value.output;
}

/** The output as the API server hands it out once it was created. */
function create({ metadata, spec }: NewOutput): Output {
  return {
    metadata: {
      ...metadata,
      labels: { ...metadata.labels },
      annotations: { ...metadata.annotations },
      uid: 'u',
      resourceVersion: '1',
    },
    spec: { ...spec },
  };
}

function label(output: Output, name: string, value: string | undefined): Output {
  const { [name]: _old, ...labels } = output.metadata.labels ?? {};
  return {
    ...output,
    metadata: { ...output.metadata, labels: { ...labels, ...(value !== undefined && { [name]: value }) } },
  };
}

function annotate(output: Output, name: string, value: string): Output {
  return {
    ...output,
    metadata: { ...output.metadata, annotations: { ...output.metadata.annotations, [name]: value } },
  };
}

describe('an output', () => {
  const written = create(render({ className: 'kleym' }));

  test.each<[string, (output: Output) => Output]>([
    ['SPIRE writes its status', (output) => ({ ...output, status: { stats: { podsSelected: 1 } } })],
    ['it is given a ttl', ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, ttl: '1h' } })],
    [
      'it is federated',
      ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, federatesWith: ['other.org'] } }),
    ],
    ['it gets somebody’s label', (output) => label(output, 'team', 'a')],
    ['it gets somebody’s annotation', (output) => annotate(output, 'team', 'a')],
    ['its claim is annotated', (output) => annotate(output, outputAnnotations.claim, 'nonce')],
    [
      'its resourceVersion moves',
      (output) => ({ ...output, metadata: { ...output.metadata, resourceVersion: '2' } }),
    ],
    [
      'the API server sorts its fields otherwise',
      ({ spec, metadata }) => ({ spec: Object.fromEntries(Object.entries(spec).toReversed()), metadata }),
    ],
  ])('is as we wrote it where %s', (_what, change) => {
    expect(isAsWritten(change(written))).toBe(true);
    expect(isSameContent(change(written), render({ className: 'kleym' }))).toBe(true);
  });

  test.each<[string, (output: Output) => Output]>([
    [
      'its SPIFFE ID',
      ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, spiffeIDTemplate: 'spiffe://example.org/x' } }),
    ],
    ['its podSelector', ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, podSelector: {} } })],
    [
      'its namespaceSelector',
      ({ spec: { namespaceSelector: _selector, ...spec }, ...rest }) => ({ ...rest, spec }),
    ],
    [
      'its selectors',
      ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, workloadSelectorTemplates: ['k8s:ns:default'] } }),
    ],
    ['its class', ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, className: 'other' } })],
    ['its fallback', ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, fallback: true } })],
    ['its hint', ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, hint: 'default/binding-b' } })],
    ['the label of who manages it', (output) => label(output, outputLabels.managedBy, undefined)],
    ['the label of its binding', (output) => label(output, outputLabels.bindingName, 'binding-b')],
    ['the label of its namespace', (output) => label(output, outputLabels.bindingNamespace, 'other')],
    ['the label of its service account', (output) => label(output, outputLabels.serviceAccount, 'other')],
    ['the label of its class', (output) => label(output, outputLabels.className, 'other')],
    ['the uid of its binding', (output) => annotate(output, outputAnnotations.bindingUid, 'other')],
    ['the digest itself', (output) => annotate(output, outputAnnotations.content, 'other')],
  ])('is not as we wrote it where somebody changes %s', (_what, change) => {
    expect(isAsWritten(change(written))).toBe(false);
    expect(isSameContent(change(written), render({ className: 'kleym' }))).toBe(false);
  });

  test('is not what is wanted where the binding asks for something else', () => {
    expect(isSameContent(written, render({ className: 'kleym' }, 'sidecar'))).toBe(false);
  });

  test('of the Go operator was not written by us', () => {
    const { annotations: _annotations, ...metadata } = written.metadata;
    expect(isAsWritten({ ...written, metadata })).toBe(false);
  });

  test('without a class may carry somebody else’s class label', () => {
    const classless = create(render());
    expect(isAsWritten(label(classless, outputLabels.className, 'theirs'))).toBe(true);
  });

  test('where overlaps are refused says the shape of its key, and is not as we wrote it without', () => {
    const shaped = create(render({ overlapPolicy: 'refuse' }));
    expect(isAsWritten(shaped)).toBe(true);
    expect(isAsWritten(label(shaped, outputLabels.keyShape, 'other'))).toBe(false);
    expect(isAsWritten(label(shaped, outputLabels.keyShape, undefined))).toBe(false);
    expect(isSameContent(shaped, render())).toBe(false);
    expect(isSameContent(create(render()), render({ overlapPolicy: 'refuse' }))).toBe(false);
  });

  test('has one digest whether it is there already or not', () => {
    expect(toContentDigest(written)).toBe(toContentDigest(render({ className: 'kleym' })));
    expect(written.metadata.annotations?.[outputAnnotations.content]).toBe(toContentDigest(written));
  });
});

describe('an output that is brought up to date', () => {
  const foreign = annotate(label(create(render({ className: 'old' })), 'team', 'a'), 'team/note', 'b');
  const before: Output = {
    ...foreign,
    apiVersion: 'spire.spiffe.io/v1alpha1',
    spec: {
      ...foreign.spec,
      ttl: '1h',
      federatesWith: ['other.org'],
      spiffeIDTemplate: 'spiffe://example.org/drifted',
    },
    status: { stats: {} },
  };

  test('keeps what others have added to it', () => {
    const after = mergeContent(before, render({ className: 'old' }));
    expect(after).toMatchObject({
      apiVersion: 'spire.spiffe.io/v1alpha1',
      metadata: { uid: 'u', resourceVersion: '1', labels: { team: 'a' }, annotations: { 'team/note': 'b' } },
      spec: {
        ttl: '1h',
        federatesWith: ['other.org'],
        spiffeIDTemplate: 'spiffe://example.org/ns/default/objective/objective-a',
      },
      status: { stats: {} },
    });
    expect(isSameContent(after, render({ className: 'old' }))).toBe(true);
  });

  test('loses its class and the label of it where no class is configured any more', () => {
    const after = mergeContent(before, render());
    expect(after.spec).not.toHaveProperty('className');
    expect(after.metadata.labels).not.toHaveProperty([outputLabels.className]);
    expect(isSameContent(after, render())).toBe(true);
  });

  test('loses the shape of its key where overlaps are not refused any more: it would not be kept true', () => {
    const shaped = create(render({ overlapPolicy: 'refuse' }));
    const after = mergeContent(shaped, render());
    expect(after.metadata.labels).not.toHaveProperty([outputLabels.keyShape]);
    expect(isSameContent(after, render())).toBe(true);
    expect(isSameContent(mergeContent(after, render({ overlapPolicy: 'refuse' })), shaped as NewOutput)).toBe(
      true,
    );
  });

  test('changes from one class to another together with the label', () => {
    const after = mergeContent(before, render({ className: 'new' }));
    expect(after.spec.className).toBe('new');
    expect(after.metadata.labels?.[outputLabels.className]).toBe('new');
    expect(isSameContent(after, render({ className: 'new' }))).toBe(true);
  });

  test('without a class keeps a class label that is somebody else’s', () => {
    const after = mergeContent(label(create(render()), outputLabels.className, 'theirs'), render());
    expect(after.metadata.labels?.[outputLabels.className]).toBe('theirs');
    expect(isSameContent(after, render())).toBe(true);
  });

  test('loses its namespaceSelector where that is switched off', () => {
    const after = mergeContent(before, render({ namespaceSelector: false }));
    expect(after.spec).not.toHaveProperty('namespaceSelector');
  });

  test('loses what its podSelector said beside the labels', () => {
    const wide = { ...before, spec: { ...before.spec, podSelector: { matchExpressions: [] } } };
    expect(mergeContent(wide, render()).spec.podSelector).toEqual({ matchLabels: { app: 'model-server' } });
  });

  test('is made ours in full where it had no labels and annotations', () => {
    const { labels: _labels, annotations: _annotations, ...metadata } = before.metadata;
    const after = mergeContent({ ...before, metadata }, render());
    expect(after.metadata.labels).toEqual(render().metadata.labels);
    expect(after.metadata.annotations).toEqual(render().metadata.annotations);
  });

  test('is not changed itself', () => {
    const copy = structuredClone(before);
    mergeContent(before, render());
    expect(before).toEqual(copy);
  });
});
