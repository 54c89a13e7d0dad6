import { describe, expect, test } from 'vitest';
import { createBinding, createSources, exampleSettings, perObjective } from '../../test/support/inference.ts';
import type { Binding, BindingStatus, Claim } from '../api/binding.ts';
import { type Refused, refused, refusedForNow } from '../api/outcome.ts';
import type { RefusalReason } from '../api/reasons.ts';
import { parseSlice, toKeyDigest, toKeyShape } from '../identity/collision-key.ts';
import { type Identity, renderIdentity } from '../identity/render-identity.ts';
import {
  type StatusContext,
  isOutputRejected,
  isReported,
  toAnnouncedStatus,
  toRedatedStatus,
  toConfirmation,
  toConfirmedStatus,
  toWaitingStatus,
  toRefusedStatus,
  toWithdrawingStatus,
} from './status.ts';

const now = '2026-01-01T00:00:00Z';
const clock = { now, horizon: '2026-01-01T00:02:00Z' };
const earlier = '2025-12-31T00:00:00Z';
const binding = createBinding(perObjective);
const claim: Extract<Claim, { kind: 'owning' }> = {
  kind: 'owning',
  name: 'kleym-default-binding-a-objective-046c582e',
  serviceAccountName: 'inference-sa',
  key: '{"container":"main","pods":{"app":"model-server"},"serviceAccount":"inference-sa"}',
  uid: 'uid-of-output',
};

function about(context: Partial<StatusContext> = {}): StatusContext {
  return {
    binding,
    observed: {},
    peers: [],
    key: undefined,
    keyDigest: undefined,
    keyShape: undefined,
    settings: exampleSettings,
    clock,
    ...context,
  };
}

function identity(): Identity {
  const { outcome } = renderIdentity(binding, createSources(), exampleSettings);
  if (outcome.kind === 'refused') throw new Error(outcome.message);
  return outcome.value;
}

function readyStatus(context: StatusContext = about()): BindingStatus {
  const { uid, ...withoutUid } = claim;
  return toConfirmedStatus(toConfirmation(context, identity(), withoutUid), uid);
}

/** The conditions as one reads them in a table. */
function toLines({ conditions = [] }: BindingStatus): string[] {
  return conditions.map(({ type, status, reason, message }) => `${type}=${status}/${reason}: ${message}`);
}

/** Type, status and reason only. */
function toShortLines(status: BindingStatus): string[] {
  return toLines(status).map((line) => line.slice(0, line.indexOf(':')));
}

describe.each(['report', 'refuse'] as const)('where the policy is %s', (overlapPolicy) => {
  const [main, wide] = [
    '{"container":"main","pods":{"app":"model-server"},"serviceAccount":"inference-sa"}',
    '{"container":"main","pods":{},"serviceAccount":"inference-sa"}',
  ] as const;
  const settings = { ...exampleSettings, overlapPolicy };

  test.each([
    ['that is asked for', main],
    ['that is still claimed, while another is asked for', wide],
  ])('a status says the digest of the key %s, and its shape only if overlaps are refused', (_what, held) => {
    const asked = {
      key: main,
      keyDigest: toKeyDigest(main),
      keyShape: toKeyShape(parseSlice(main)),
      settings,
    };
    const { keyDigest, keyShape } = toAnnouncedStatus(about(asked), { ...claim, key: held });
    expect(keyDigest).toBe(toKeyDigest(held));
    expect(keyShape).toBe(overlapPolicy === 'refuse' ? toKeyShape(parseSlice(held)) : undefined);
  });
});

describe('the status of a binding that has its output', () => {
  test('is known before the API server gives the output its uid, but for that', () => {
    const { uid: _uid, ...withoutUid } = claim;
    const confirmation = toConfirmation(about(), identity(), withoutUid);
    expect(structuredClone(confirmation)).toEqual(confirmation);
    expect(confirmation.claim).toEqual(withoutUid);
  });

  test('says in five conditions that all is well', () => {
    expect(toLines(readyStatus())).toEqual([
      'Ready=True/Reconciled: Binding reconciled',
      'Conflict=False/Resolved: No identity collision detected',
      'InvalidRef=False/Resolved: References are valid',
      'UnsafeSelector=False/Resolved: Selectors are safe',
      'RenderFailure=False/Resolved: Rendering is healthy',
    ]);
  });

  test('says what was rendered, and claims it', () => {
    expect(readyStatus()).toMatchObject({
      computedSpiffeIDs: [
        { mode: 'PerObjective', spiffeID: 'spiffe://example.org/ns/default/objective/objective-a' },
      ],
      renderedSelectors: [
        {
          spiffeID: 'spiffe://example.org/ns/default/objective/objective-a',
          selectors: [
            'k8s:container-name:main',
            'k8s:ns:default',
            'k8s:pod-label:app:model-server',
            'k8s:sa:inference-sa',
          ],
        },
      ],
      trustDomain: 'example.org',
      claim,
    });
  });

  test('says a class only where there is one', () => {
    const settings = { ...exampleSettings, className: 'kleym' };
    expect(readyStatus(about({ settings })).clusterSPIFFEIDClassName).toBe('kleym');
    expect(readyStatus()).not.toHaveProperty('clusterSPIFFEIDClassName');
  });
});

describe('the status of a binding that is refused', () => {
  test.each<[string, Refused, string[]]>([
    [
      'references come first: nothing after them was looked at',
      refused('InvalidRef', 'TargetPoolNotFound', 'poolRef "p" was not found'),
      [
        'Ready=False/TargetPoolNotFound: poolRef "p" was not found',
        'Conflict=Unknown/NotEvaluated: Identity collision has not been evaluated yet',
        'InvalidRef=True/TargetPoolNotFound: poolRef "p" was not found',
        'UnsafeSelector=Unknown/NotEvaluated: Selector safety has not been evaluated yet',
        'RenderFailure=Unknown/NotEvaluated: Render health has not been evaluated yet',
      ],
    ],
    [
      'an unsafe selector has good references before it',
      refused('UnsafeSelector', 'InvalidPoolSelector', 'no'),
      [
        'Ready=False/InvalidPoolSelector: no',
        'Conflict=Unknown/NotEvaluated: Identity collision has not been evaluated yet',
        'InvalidRef=False/Resolved: References are valid',
        'UnsafeSelector=True/InvalidPoolSelector: no',
        'RenderFailure=Unknown/NotEvaluated: Render health has not been evaluated yet',
      ],
    ],
    [
      'what cannot be rendered was not compared with others',
      refused('RenderFailure', 'InvalidContainerName', 'no'),
      [
        'Ready=False/InvalidContainerName: no',
        'Conflict=Unknown/NotEvaluated: Identity collision has not been evaluated yet',
        'InvalidRef=False/Resolved: References are valid',
        'UnsafeSelector=False/Resolved: Selectors are safe',
        'RenderFailure=True/InvalidContainerName: no',
      ],
    ],
    [
      'a collision is the last thing that we look at',
      refused('Conflict', 'IdentityCollision', 'no'),
      [
        'Ready=False/IdentityCollision: no',
        'Conflict=True/IdentityCollision: no',
        'InvalidRef=False/Resolved: References are valid',
        'UnsafeSelector=False/Resolved: Selectors are safe',
        'RenderFailure=False/Resolved: Rendering is healthy',
      ],
    ],
  ])('%s', (_case, refusal, lines) => {
    expect(toLines(toRefusedStatus(about(), refusal))).toEqual(lines);
  });

  test.each(['OutputNameTaken', 'OutputRefused', 'OutputForbidden', 'ClusterSPIFFEIDCRDMissing'] as const)(
    '%s is the last word of the API server, after all that we evaluate',
    (reason) => {
      expect(toShortLines(toRefusedStatus(about(), refusedForNow('RenderFailure', reason, 'no')))).toEqual([
        `Ready=False/${reason}`,
        'Conflict=False/Resolved',
        'InvalidRef=False/Resolved',
        'UnsafeSelector=False/Resolved',
        `RenderFailure=True/${reason}`,
      ]);
    },
  );

  test('claims nothing and has no identity', () => {
    const status = toRefusedStatus(about(), refused('Conflict', 'IdentityCollision', 'no'));
    for (const field of ['claim', 'computedSpiffeIDs', 'renderedSelectors'])
      expect(status).not.toHaveProperty(field);
  });
});

describe('the status of a binding that is on its way', () => {
  test('is initializing while its output is announced', () => {
    const claim = {
      kind: 'creating',
      name: 'kleym-x',
      serviceAccountName: 'inference-sa',
      nonce: 'n',
      at: now,
    } as const;
    const status = toAnnouncedStatus(about(), claim);
    expect(toLines(status)[0]).toBe(
      'Ready=Unknown/Initializing: Readiness has not been evaluated yet: ClusterSPIFFEID kleym-x is being created, and a request that was cut off may take effect until 2026-01-01T00:02:00Z',
    );
    expect(toShortLines(status).slice(1)).toEqual([
      'Conflict=False/Resolved',
      'InvalidRef=False/Resolved',
      'UnsafeSelector=False/Resolved',
      'RenderFailure=False/Resolved',
    ]);
    expect(status.claim).toEqual(claim);
  });

  test('is initializing while its output is changed', () => {
    const { uid, ...owned } = claim;
    const status = toAnnouncedStatus(about(), { ...owned, kind: 'replacing', uid, base: '7' });
    expect(toLines(status)[0]).toBe(
      `Ready=Unknown/Initializing: Readiness has not been evaluated yet: ClusterSPIFFEID ${claim.name} is being changed`,
    );
  });

  test('says the new time, where an announcement is dated again', () => {
    const { uid: _uid, ...owned } = claim;
    const announced = { ...owned, kind: 'creating', nonce: 'n', at: now } as const;
    const status = toAnnouncedStatus(about(), announced);
    const redated = toRedatedStatus(status, { ...announced, at: now }, { ...clock, horizon: 'then' });
    expect(toLines(redated)[0]).toContain('until then');
    expect(toLines(redated).slice(1)).toEqual(toLines(status).slice(1));
  });

  test('waits for whoever holds its workloads, and claims nothing meanwhile', () => {
    const status = toWaitingStatus(about(), 'binding b still holds them');
    expect(toLines(status)[0]).toBe('Ready=Unknown/Waiting: binding b still holds them');
    expect(status).not.toHaveProperty('claim');
  });

  test('waits for an output that is being deleted, keeps its claim, and knows nothing else', () => {
    const status = toWithdrawingStatus(about({ binding: { ...binding, status: { claim } } }), 'it is held');
    expect(toShortLines(status)).toEqual([
      'Ready=Unknown/Waiting',
      'Conflict=Unknown/NotEvaluated',
      'InvalidRef=Unknown/NotEvaluated',
      'UnsafeSelector=Unknown/NotEvaluated',
      'RenderFailure=Unknown/NotEvaluated',
    ]);
    expect(status.claim).toEqual(claim);
  });
});

describe('every status', () => {
  const statuses: readonly [string, (context: StatusContext) => BindingStatus][] = [
    ['ready', (context) => readyStatus(context)],
    ['refused', (context) => toRefusedStatus(context, refused('Conflict', 'IdentityCollision', 'no'))],
    ['announced', (context) => toAnnouncedStatus(context, claim)],
    ['held', (context) => toWaitingStatus(context, 'no')],
    ['withdrawing', (context) => toWithdrawingStatus(context, 'no')],
  ];

  test.each(statuses)('is true for the generation that was read: %s', (_kind, toStatus) => {
    const edited = { ...binding, metadata: { ...binding.metadata, generation: 7 } };
    const { observedGeneration, conditions = [] } = toStatus(about({ binding: edited }));
    expect(observedGeneration).toBe(7);
    expect(conditions.map((condition) => condition.observedGeneration)).toEqual([7, 7, 7, 7, 7]);
    expect(conditions.map(({ type }) => type)).toEqual([
      'Ready',
      'Conflict',
      'InvalidRef',
      'UnsafeSelector',
      'RenderFailure',
    ]);
  });

  test.each(statuses)(
    'says since when, and a condition that does not change keeps its time: %s',
    (_kind, toStatus) => {
      const before = toStatus(about({ clock: { ...clock, now: earlier } }));
      const after = toStatus(about({ binding: { ...binding, status: before } }));
      expect(after.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual(
        Array(5).fill(earlier),
      );
    },
  );

  test.each(statuses)('names the peers, and what it was decided from: %s', (_kind, toStatus) => {
    const peers = [{ name: 'b', uid: 'uid-of-b', reason: 'PossibleOverlap' as const }];
    const observed = { pool: { group: 'inference.networking.k8s.io', uid: 'u', generation: 3 } };
    expect(toStatus(about({ peers, observed }))).toMatchObject({ conflicts: peers, observed });
    expect(toStatus(about())).not.toHaveProperty('conflicts');
    expect(toStatus(about())).not.toHaveProperty('observed');
  });
});

test('a condition that changes its status begins anew', () => {
  const before = toAnnouncedStatus(about({ clock: { ...clock, now: earlier } }), claim);
  const after = readyStatus(about({ binding: { ...binding, status: before } }));
  expect(after.conditions?.map(({ type, lastTransitionTime }) => [type, lastTransitionTime])).toEqual([
    ['Ready', now],
    ['Conflict', earlier],
    ['InvalidRef', earlier],
    ['UnsafeSelector', earlier],
    ['RenderFailure', earlier],
  ]);
});

describe('what is said already', () => {
  const status = readyStatus();
  const { uid: _uid, ...reordered } = claim;

  test.each<[string, BindingStatus | undefined, boolean]>([
    ['the same', status, true],
    ['the same in another order', { ...status, claim: { uid: claim.uid, ...reordered } as Claim }, true],
    ['nothing', undefined, false],
    ['the same of another generation', { ...status, observedGeneration: 0 }, false],
    ['the same and more', { ...status, conflicts: [] }, false],
  ])('%s', (_case, said, isSame) => {
    const one: Binding = { ...binding, ...(said && { status: said }) };
    expect(isReported(one, status)).toBe(isSame);
  });
});

function refusedBy(reason: RefusalReason<'RenderFailure'>, generation: number): Binding {
  const status = toRefusedStatus(about(), refused('RenderFailure', reason, 'no'));
  return { ...binding, metadata: { ...binding.metadata, generation }, status };
}

describe('whether the API server has refused the output', () => {
  test.each([
    ['OutputNameTaken', 1, true],
    ['OutputRefused', 1, true],
    ['OutputForbidden', 1, true],
    ['InvalidContainerName', 1, false],
    ['OutputRefused', 2, false],
  ] as const)('%s, at generation %i: %s', (reason, generation, isRefused) => {
    expect(isOutputRejected(refusedBy(reason, generation))).toBe(isRefused);
  });

  test('not while nothing is said', () => {
    expect(isOutputRejected(binding)).toBe(false);
  });
});
