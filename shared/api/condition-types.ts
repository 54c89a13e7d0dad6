/** The five conditions of a binding, in the order of its status. */
export const conditionTypes = ['Ready', 'Conflict', 'InvalidRef', 'UnsafeSelector', 'RenderFailure'] as const;
export type ConditionType = (typeof conditionTypes)[number];

/** The conditions that are True when something is wrong. */
export type FailureCondition = Exclude<ConditionType, 'Ready'>;
