import { type ASTNode, Environment, EvaluationError, ParseError } from '@marcbachmann/cel-js';
import { type Json, type JsonObject, isJsonObject, isSameJson } from './json.ts';
import type { FieldError, FieldReason } from './status-error.ts';
import { type Schema, type ValidationRule, oldItemOf, schemaOfField } from './schema.ts';

/** The compiled rules of a schema, found again by the part of the schema that carries them. */
export type Rules = ReadonlyMap<Schema, readonly CompiledRule[]>;

interface CompiledRule {
  readonly rule: ValidationRule;
  readonly holds: Evaluate;
  readonly message: Evaluate | undefined;
  readonly isTransition: boolean;
}

type Evaluate = (context: { self: unknown; oldSelf: unknown }) => unknown;

/** A rule that this library cannot compile; the definition that carries it is refused, never half obeyed. */
class RuleError extends Error {}

/** Compiles every rule of a schema; what cannot be compiled is reported in `errors`. */
export function compileRules(root: Schema, errors: FieldError[], path: string): Rules {
  const environment = new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true })
    .registerVariable('self', 'dyn')
    .registerVariable('oldSelf', 'dyn');
  const rules = new Map<Schema, CompiledRule[]>();

  function compileAt(schema: Schema, at: string): void {
    for (const [index, rule] of (schema['x-kubernetes-validations'] ?? []).entries()) {
      try {
        const compiled = compileRule(environment, rule, schema, schema === root);
        rules.set(schema, [...(rules.get(schema) ?? []), compiled]);
      } catch (error) {
        if (!(error instanceof RuleError || error instanceof ParseError)) throw error;
        const message = `Invalid value: ${JSON.stringify(rule.rule)}: ${error.message}`;
        const field = `${at}.x-kubernetes-validations[${index}].rule`;
        errors.push({ reason: 'FieldValueInvalid', message, field });
      }
    }
    for (const [childAt, child] of childSchemas(schema, at)) compileAt(child, childAt);
  }

  compileAt(root, path);
  return rules;
}

function compileRule(
  environment: Environment,
  rule: ValidationRule,
  schema: Schema,
  isRoot: boolean,
): CompiledRule {
  if (rule.optionalOldSelf === true) {
    throw new RuleError('optionalOldSelf is not implemented by the embedded cluster');
  }
  const holds = compile(environment, rule.rule, 'bool', schema, isRoot);
  const message = rule.messageExpression
    ? compile(environment, rule.messageExpression, 'string', schema, isRoot)
    : undefined;
  return { rule, holds, message, isTransition: mentionsOldSelf(holds.ast) };
}

function compile(
  environment: Environment,
  expression: string,
  type: string,
  schema: Schema,
  isRoot: boolean,
) {
  const checked = environment.check(expression);
  if (!checked.valid)
    throw new RuleError(`compilation failed: ERROR: ${checked.error?.summary ?? 'not valid'}`);
  if (checked.type !== type && checked.type !== 'dyn') throw new RuleError(`must evaluate to a ${type}`);
  const parsed = environment.parse(expression);
  const missing = undefinedField(parsed.ast, schema, isRoot);
  if (missing !== undefined) throw new RuleError(`compilation failed: ERROR: undefined field '${missing}'`);
  return parsed;
}

/** The first field that an expression asks for and the schema does not have. */
function undefinedField(node: ASTNode, self: Schema, isRoot: boolean): string | undefined {
  if (node.op === '.' || node.op === '.?') {
    const [parent, field] = node.args;
    const known = schemaOfNode(parent, self);
    const isMetadata = isRoot && ['apiVersion', 'kind', 'metadata'].includes(field);
    const isKnown = Object.keys(known?.properties ?? {}).some((each) => celName(each) === field);
    if (known !== undefined && isClosed(known) && !isKnown && !(isMetadata && known === self)) return field;
  }
  return childNodes(node)
    .map((child) => undefinedField(child, self, isRoot))
    .find((field) => field !== undefined);
}

/** The schema an expression stands for, as far as it is a path of fields from self or oldSelf. */
function schemaOfNode(node: ASTNode, self: Schema): Schema | undefined {
  if (node.op === 'id') return node.args === 'self' || node.args === 'oldSelf' ? self : undefined;
  if (node.op === '[]') return schemaOfNode(node.args[0], self)?.items;
  if (node.op !== '.') return undefined;
  const parent = schemaOfNode(node.args[0], self);
  return Object.entries(parent?.properties ?? {}).find(([field]) => celName(field) === node.args[1])?.[1];
}

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** The name by which CEL knows a property; the keys of free maps keep theirs. */
function celName(property: string): string {
  if (reserved.has(property)) return `__${property}__`;
  return property
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}

function isClosed(schema: Schema): boolean {
  return (
    schema.type === 'object' &&
    schema.additionalProperties === undefined &&
    schema['x-kubernetes-preserve-unknown-fields'] !== true
  );
}

function childNodes(node: ASTNode): ASTNode[] {
  const found: ASTNode[] = [];
  const visit = (each: unknown): void => {
    if (Array.isArray(each)) each.forEach(visit);
    else if (typeof each === 'object' && each !== null && 'op' in each) found.push(each as ASTNode);
  };
  visit(node.args);
  return found;
}

function mentionsOldSelf(node: ASTNode): boolean {
  return (node.op === 'id' && node.args === 'oldSelf') || childNodes(node).some(mentionsOldSelf);
}

function childSchemas(schema: Schema, path: string): [string, Schema][] {
  const named = Object.entries(schema.properties ?? {}).map(([field, child]): [string, Schema] => [
    `${path}.properties[${field}]`,
    child,
  ]);
  if (schema.items !== undefined) named.push([`${path}.items`, schema.items]);
  if (typeof schema.additionalProperties === 'object') {
    named.push([`${path}.additionalProperties`, schema.additionalProperties]);
  }
  return named;
}

/** What the rules of a schema say against a value, given what stood in its place before (undefined for a new object). */
export function ruleErrors(value: Json, schema: Schema, rules: Rules, old: Json | undefined): FieldError[] {
  if (rules.size === 0) return [];
  const errors: FieldError[] = [];
  evaluate(value, schema, old, '', { rules, errors });
  return errors;
}

interface Evaluation {
  readonly rules: Rules;
  readonly errors: FieldError[];
}

function evaluate(value: Json, schema: Schema, old: Json | undefined, path: string, place: Evaluation): void {
  const compiled = place.rules.get(schema) ?? [];
  const isUnchanged = old !== undefined && isSameJson(value, old);
  const due = compiled.filter(({ isTransition }) => (isTransition ? old !== undefined : !isUnchanged));
  if (due.length > 0 && value !== null) {
    const [self, oldSelf] = path === '' ? [toRoot(value), old && toRoot(old)] : [value, old];
    const context = { self: toCel(self, schema), oldSelf: toCel(oldSelf, schema) };
    for (const each of due) checkRule(each, value, context, path, place.errors);
  }
  if (Array.isArray(value)) evaluateItems(value, schema, old, path, place);
  if (isJsonObject(value)) evaluateFields(value, schema, old, path, place);
}

function toRoot(value: Json): Json {
  if (!isJsonObject(value) || !isJsonObject(value['metadata'])) return value;
  const { name, generateName } = value['metadata'];
  return { ...value, metadata: { name, ...(generateName === undefined ? {} : { generateName }) } };
}

/** CEL's integers are BigInt, its doubles are numbers; the schema says which of them a number is. */
function toCel(value: Json | undefined, schema: Schema): unknown {
  if (typeof value === 'number') {
    return schema.type !== 'number' && Number.isInteger(value) ? BigInt(value) : value;
  }
  if (typeof value === 'string') return toCelString(value, schema.format);
  if (Array.isArray(value)) return value.map((each) => toCel(each, schema.items ?? {}));
  return isJsonObject(value) ? toCelObject(value, schema) : value;
}

function toCelString(value: string, format: string | undefined): unknown {
  return format === 'date-time' || format === 'date' ? new Date(value) : value;
}

function toCelObject(object: JsonObject, schema: Schema): Record<string, unknown> {
  const fields = Object.entries(object).map(([field, value]) => {
    const named = schema.properties?.[field];
    if (named !== undefined) return [celName(field), toCel(value, named)] as const;
    return [field, toCel(value, schemaOfField(schema, field) ?? {})] as const;
  });
  return Object.fromEntries(fields);
}

type RuleContext = { self: unknown; oldSelf: unknown };

function checkRule(
  compiled: CompiledRule,
  value: Json,
  context: RuleContext,
  path: string,
  errors: FieldError[],
): void {
  const { rule, holds } = compiled;
  const field = `${path}${rule.fieldPath ?? ''}`;
  try {
    if (holds(context) === true) return;
    const reason = toReason(rule.reason);
    errors.push({ reason, message: wordRefusal(reason, value, messageOf(compiled, context)), field });
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    const shown = isJsonObject(value) ? '"object"' : JSON.stringify(value);
    const said = error.summary.replace('No such key', 'no such key');
    const message = `Invalid value: ${shown}: ${said} evaluating rule: ${rule.message ?? rule.rule}`;
    errors.push({ reason: 'FieldValueInvalid', message, field: path });
  }
}

function toReason(reason: string | undefined): FieldReason {
  const known: FieldReason[] = ['FieldValueRequired', 'FieldValueForbidden', 'FieldValueDuplicate'];
  return known.find((each) => each === reason) ?? 'FieldValueInvalid';
}

const reasonWords: Partial<Record<FieldReason, string>> = {
  FieldValueRequired: 'Required value',
  FieldValueForbidden: 'Forbidden',
};

function wordRefusal(reason: FieldReason, value: Json, message: string): string {
  const word = reasonWords[reason];
  if (word !== undefined) return `${word}: ${message}`;
  const said = reason === 'FieldValueDuplicate' ? 'Duplicate value' : 'Invalid value';
  // Objects and lists are not repeated in the message, scalars are.
  return typeof value === 'object' ? `${said}: ${message}` : `${said}: ${JSON.stringify(value)}: ${message}`;
}

function messageOf({ rule, message }: CompiledRule, context: RuleContext): string {
  const fallback = rule.message ?? `failed rule: ${rule.rule}`;
  if (message === undefined) return fallback;
  try {
    const said = message(context);
    return typeof said === 'string' && said !== '' ? said : fallback;
  } catch {
    return fallback;
  }
}

function evaluateItems(
  list: Json[],
  schema: Schema,
  old: Json | undefined,
  path: string,
  place: Evaluation,
): void {
  if (schema.items === undefined) return;
  for (const [index, item] of list.entries()) {
    evaluate(item, schema.items, oldItemOf(item, schema, old), `${path}[${index}]`, place);
  }
}

function evaluateFields(
  object: JsonObject,
  schema: Schema,
  old: Json | undefined,
  path: string,
  place: Evaluation,
): void {
  for (const [field, value] of Object.entries(object)) {
    const known = schemaOfField(schema, field);
    if (known === undefined || value === undefined) continue;
    const before = isJsonObject(old) ? (old[field] ?? undefined) : undefined;
    const isNamed = schema.properties?.[field] !== undefined;
    const at = path === '' ? field : `${path}.${field}`;
    evaluate(value, known, before, isNamed ? at : `${path}[${field}]`, place);
  }
}
