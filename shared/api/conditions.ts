import { z } from 'zod';
import { type ConditionType, conditionTypes } from './condition-types.ts';
import type { Reason } from './reasons.ts';

export const Condition = z.object({
  type: z.enum(conditionTypes),
  status: z.enum(['True', 'False', 'Unknown']),
  observedGeneration: z.int(),
  lastTransitionTime: z.string(),
  reason: z.string(),
  message: z.string(),
});
export type Condition = z.infer<typeof Condition>;

/** A condition without its time. */
export interface Finding extends Pick<Condition, 'type' | 'status' | 'message'> {
  readonly reason: Reason;
}

const healthy = {
  Ready: 'Binding reconciled',
  Conflict: 'No identity collision detected',
  InvalidRef: 'References are valid',
  UnsafeSelector: 'Selectors are safe',
  RenderFailure: 'Rendering is healthy',
} satisfies Record<ConditionType, string>;

const unevaluated = {
  Ready: 'Readiness has not been evaluated yet',
  Conflict: 'Identity collision has not been evaluated yet',
  InvalidRef: 'Reference validity has not been evaluated yet',
  UnsafeSelector: 'Selector safety has not been evaluated yet',
  RenderFailure: 'Render health has not been evaluated yet',
} satisfies Record<ConditionType, string>;

/** The condition was evaluated, and all is well. */
export function toHealthy(type: ConditionType): Finding {
  if (type === 'Ready') return { type, status: 'True', reason: 'Reconciled', message: healthy.Ready };
  return { type, status: 'False', reason: 'Resolved', message: healthy[type] };
}

/** The condition was not evaluated: `NotEvaluated` after a failure, `Initializing` before the first answer. */
export function toUnevaluated(
  type: ConditionType,
  reason: Extract<Reason, 'NotEvaluated' | 'Initializing'>,
): Finding {
  return { type, status: 'Unknown', reason, message: unevaluated[type] };
}

/** Adds since when each finding holds. A condition that keeps its status keeps its time. */
export function toConditions(
  findings: readonly Finding[],
  before: readonly Condition[],
  generation: number,
  now: string,
): Condition[] {
  return findings.map((finding) => {
    const old = before.find(({ type }) => type === finding.type);
    const lastTransitionTime = old?.status === finding.status ? old.lastTransitionTime : now;
    return { ...finding, observedGeneration: generation, lastTransitionTime };
  });
}

/** The conditions of a status; an event or a test may know fewer fields of each than the schema. */
interface Conditioned<C> {
  readonly conditions?: readonly C[] | undefined;
}

/** The condition of this type. */
export function findCondition<C extends { readonly type: string }>(
  status: Conditioned<C> | undefined,
  type: ConditionType,
): C | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** The condition that summarizes the others. */
export function findReady<C extends { readonly type: string }>(
  status: Conditioned<C> | undefined,
): C | undefined {
  return findCondition(status, 'Ready');
}
