import { expect, test } from 'vitest';
import { readyCondition } from '../../test/support/conditions.ts';
import { createBinding, createSources, exampleSettings, perObjective } from '../../test/support/inference.ts';
import { type Binding, type BindingStatus, bindingFinalizer } from '../api/binding.ts';
import { needsRun, needsWrite, toFirstView } from './needs-write.ts';
import { toWorld } from './world.ts';

const clock = {
  now: '2026-11-21T12:00:00Z',
  quarantine: '2026-11-21T11:58:00Z',
  horizon: '2026-11-21T12:02:00Z',
};

function binding(metadata: Partial<Binding['metadata']> = {}, status?: BindingStatus): Binding {
  const created = createBinding(perObjective);
  return {
    ...created,
    metadata: { ...created.metadata, finalizers: [bindingFinalizer], ...metadata },
    ...(status && { status }),
  };
}

function needsOf(...bindings: readonly Binding[]) {
  const byName = new Map(bindings.map((one) => [one.metadata.name, one]));
  const world = toWorld(
    { namespace: 'default', bindings: byName, outputs: [], sources: createSources(), clock },
    exampleSettings,
  );
  const one = byName.get('binding-a');
  return {
    write: needsWrite(world, 'binding-a'),
    look: one !== undefined && needsRun(toFirstView(world, one)),
  };
}

const announced = (at: string): BindingStatus => ({
  claim: { kind: 'creating', name: 'x', serviceAccountName: 'inference-sa', nonce: 'n', at },
});

const refusedOutput: BindingStatus = { conditions: [readyCondition('False', 'OutputRefused')] };

test.each<[string, Binding[], { write: boolean; look: boolean }]>([
  ['one that nobody has looked at', [binding()], { write: true, look: true }],
  [
    'one whose announced POST can land no more',
    [binding({}, announced('2026-11-21T11:57:59Z'))],
    { write: true, look: true },
  ],
  [
    'one whose announced POST may still land, because it waits',
    [binding({}, announced('2026-11-21T11:59:00Z'))],
    { write: false, look: false },
  ],
  [
    'one that is let go and held by others',
    [binding({ finalizers: ['others'], deletionTimestamp: '2026-11-21T11:00:00Z' })],
    { write: false, look: false },
  ],
  ['one that is gone', [], { write: false, look: false }],
  [
    'one whose output the API server refused: it may be asked again, and that writes nothing',
    [binding({}, refusedOutput)],
    { write: false, look: true },
  ],
])('what is needed for %s', (_case, bindings, needs) => {
  expect(needsOf(...bindings)).toEqual(needs);
});
