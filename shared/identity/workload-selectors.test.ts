import { describe, expect, test } from 'vitest';
import { renderWorkloadSelectors } from './workload-selectors.ts';

const serviceAccountName = 'inference-sa';

describe('the selectors of a workload', () => {
  test('of a pool are its namespace, service account and labels', () => {
    expect(renderWorkloadSelectors('default', { app: 'model-server' }, { serviceAccountName })).toEqual([
      'k8s:ns:default',
      'k8s:pod-label:app:model-server',
      'k8s:sa:inference-sa',
    ]);
  });

  test('of an objective are its container as well', () => {
    const workload = { serviceAccountName, container: 'main' };
    expect(renderWorkloadSelectors('default', { app: 'model-server' }, workload)).toEqual([
      'k8s:container-name:main',
      'k8s:ns:default',
      'k8s:pod-label:app:model-server',
      'k8s:sa:inference-sa',
    ]);
  });

  test('are the image before the name of the container where both are given', () => {
    const workload = { serviceAccountName, container: 'main', image: 'a.b/c@sha256:0' };
    expect(renderWorkloadSelectors('default', { app: 'model-server' }, workload)).toEqual([
      'k8s:container-image:a.b/c@sha256:0',
      'k8s:container-name:main',
      'k8s:ns:default',
      'k8s:pod-label:app:model-server',
      'k8s:sa:inference-sa',
    ]);
  });

  test('hold every label, with the domain of its key', () => {
    const labels = { app: 'model-server', 'inference.networking.x-k8s.io/role': 'decode.v1' };
    expect(renderWorkloadSelectors('default', labels, { serviceAccountName })).toEqual([
      'k8s:ns:default',
      'k8s:pod-label:app:model-server',
      'k8s:pod-label:inference.networking.x-k8s.io/role:decode.v1',
      'k8s:sa:inference-sa',
    ]);
  });

  test('are sorted by their bytes: capitals come first', () => {
    const labels = { b: '1', 'a-b': '2', B: '3', 'a.b': '4' };
    expect(renderWorkloadSelectors('default', labels, { serviceAccountName })).toEqual([
      'k8s:ns:default',
      'k8s:pod-label:B:3',
      'k8s:pod-label:a-b:2',
      'k8s:pod-label:a.b:4',
      'k8s:pod-label:b:1',
      'k8s:sa:inference-sa',
    ]);
  });
});
