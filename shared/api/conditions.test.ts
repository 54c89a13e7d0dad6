import { describe, expect, test } from 'vitest';
import { conditionTypes } from './condition-types.ts';
import { type Condition, type Finding, toUnevaluated, toHealthy, toConditions } from './conditions.ts';

test('the conditions stand in the order in which the Go operator writes them', () => {
  expect(conditionTypes).toEqual(['Ready', 'Conflict', 'InvalidRef', 'UnsafeSelector', 'RenderFailure']);
});

describe('a condition that is well', () => {
  test.each([
    ['Ready', 'True', 'Reconciled', 'Binding reconciled'],
    ['Conflict', 'False', 'Resolved', 'No identity collision detected'],
    ['InvalidRef', 'False', 'Resolved', 'References are valid'],
    ['UnsafeSelector', 'False', 'Resolved', 'Selectors are safe'],
    ['RenderFailure', 'False', 'Resolved', 'Rendering is healthy'],
  ] as const)('%s is %s with the reason %s [§0]', (type, status, reason, message) => {
    expect(toHealthy(type)).toEqual({ type, status, reason, message });
  });
});

describe('a condition that was not evaluated', () => {
  test.each([
    ['Ready', 'Readiness has not been evaluated yet'],
    ['Conflict', 'Identity collision has not been evaluated yet'],
    ['InvalidRef', 'Reference validity has not been evaluated yet'],
    ['UnsafeSelector', 'Selector safety has not been evaluated yet'],
    ['RenderFailure', 'Render health has not been evaluated yet'],
  ] as const)('%s is unknown, and says "%s" [§0]', (type, message) => {
    expect(toUnevaluated(type, 'Initializing')).toEqual({
      type,
      status: 'Unknown',
      reason: 'Initializing',
      message,
    });
    expect(toUnevaluated(type, 'NotEvaluated')).toEqual({
      type,
      status: 'Unknown',
      reason: 'NotEvaluated',
      message,
    });
  });
});

describe('since when a finding holds', () => {
  const yesterday = '2026-01-01T00:00:00Z';
  const today = '2026-01-02T00:00:00Z';
  const failed: Finding = { type: 'Ready', status: 'False', reason: 'TargetPoolNotFound', message: 'gone' };
  const before: Condition = {
    type: 'Ready',
    status: 'False',
    observedGeneration: 1,
    lastTransitionTime: yesterday,
    reason: 'IdentityCollision',
    message: 'taken',
  };

  test('is now where there was none before', () => {
    expect(toConditions([failed], [], 2, today)).toEqual([
      { ...failed, observedGeneration: 2, lastTransitionTime: today },
    ]);
  });

  test('stays where only its reason, message or generation changed', () => {
    expect(toConditions([failed], [before], 2, today)).toEqual([
      { ...failed, observedGeneration: 2, lastTransitionTime: yesterday },
    ]);
  });

  test('is now where its status changed', () => {
    expect(toConditions([toHealthy('Ready')], [before], 2, today)).toEqual([
      { ...toHealthy('Ready'), observedGeneration: 2, lastTransitionTime: today },
    ]);
  });

  test('is taken from the condition of the same type, and the generation stands on all of them', () => {
    const findings = conditionTypes.map(toHealthy);
    const conditions = toConditions(findings, [{ ...before, status: 'True' }], 7, today);
    expect(conditions.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([
      yesterday,
      today,
      today,
      today,
      today,
    ]);
    expect(conditions.every(({ observedGeneration }) => observedGeneration === 7)).toBe(true);
  });
});
