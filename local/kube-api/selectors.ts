import { type Json, getAt } from './json.ts';
import type { KubeObject } from './kube-object.ts';
import { labelValueErrors, qualifiedNameErrors } from './names.ts';
import { badRequest, notImplemented } from './status-error.ts';

/** Which objects a request is about. */
export type Selector = (object: KubeObject) => boolean;

type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

/** Reads a label selector in the query syntax (`a=b,c in (d,e),!f`). */
export function parseLabelSelector(text: string): Selector {
  const tokens = tokenize(text);
  const tests: LabelTest[] = [];
  while (tokens.length > 0) {
    tests.push(takeRequirement(tokens));
    const separator = tokens.shift();
    if (separator === undefined) break;
    if (separator !== ',') throw badRequest(`found '${separator}', expected: ',' or 'end of string'`);
  }
  return ({ metadata }) => tests.every((test) => test(metadata.labels ?? {}));
}

const token = /\s*(!=|==|=|[(),!<>]|[^\s!=(),<>]+)\s*/gy;

function tokenize(selector: string): string[] {
  return [...selector.matchAll(token)].map((match) => match[1] ?? '');
}

function takeRequirement(tokens: string[]): LabelTest {
  if (tokens[0] === '!') {
    tokens.shift();
    const key = tokens.shift();
    if (!isWord(key)) unparsable(key ?? '', 'identifier');
    checkKey(key);
    return (labels) => labels[key] === undefined;
  }
  const first = tokens.shift();
  if (!isWord(first)) throw badRequest(`found '${first ?? ''}', expected: !, identifier, or 'end of string'`);
  const key = checkKey(first);
  const operator = tokens[0];
  if (operator === undefined || operator === ',') return (labels) => labels[key] !== undefined;
  return takeComparison(key, operator, tokens);
}

function isWord(each: string | undefined): each is string {
  return each !== undefined && !/^[!=(),<>]/.test(each);
}

function unparsable(found: string, expected: string): never {
  throw badRequest(`unable to parse requirement: found '${found}', expected: ${expected}`);
}

function checkKey(key: string): string {
  const [error] = qualifiedNameErrors(key);
  if (error !== undefined) {
    throw badRequest(`unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(key)}: ${error}`);
  }
  return key;
}

function takeComparison(key: string, operator: string, tokens: string[]): LabelTest {
  tokens.shift();
  switch (operator) {
    case '=':
    case '==': {
      const value = takeValue(tokens);
      return (labels) => labels[key] === value;
    }
    case '!=': {
      const value = takeValue(tokens);
      return (labels) => labels[key] !== value;
    }
    case 'in': {
      const values = takeSet(tokens);
      return (labels) => labels[key] !== undefined && values.includes(labels[key]);
    }
    case 'notin': {
      const values = takeSet(tokens);
      return (labels) => labels[key] === undefined || !values.includes(labels[key]);
    }
    case '>':
    case '<':
      throw notImplemented(`${operator} in a label selector`);
    default:
      return unparsable(operator, "in, notin, =, ==, !=, gt, lt, ',' or 'end of string'");
  }
}

/** `a=` is a selector too: the value is empty. */
function takeValue(tokens: string[]): string {
  const next = tokens[0];
  if (next === undefined || next === ',') return '';
  if (!isWord(next)) unparsable(next, 'identifier');
  tokens.shift();
  return checkValue(next, 0);
}

function checkValue(value: string, index: number): string {
  const [error] = labelValueErrors(value);
  if (error !== undefined) {
    throw badRequest(
      `unable to parse requirement: values[${index}]: Invalid value: ${JSON.stringify(value)}: ${error}`,
    );
  }
  return value;
}

function takeSet(tokens: string[]): string[] {
  const open = tokens.shift();
  if (open !== '(') throw badRequest(`unable to parse requirement: found '${open ?? ''}' expected: '('`);
  const values: string[] = [];
  let expectsValue = true;
  for (;;) {
    const next = tokens.shift();
    if (next === undefined) unparsable('', "',', or ')'");
    if (next === ')') return [...values, ...(expectsValue ? [''] : [])].map(checkValue);
    if (next === ',') {
      if (expectsValue) values.push('');
      expectsValue = true;
      continue;
    }
    if (!isWord(next)) unparsable(next, "',', or ')'");
    values.push(next);
    expectsValue = false;
  }
}

/** The fields one kind can be selected by: the label of each, and where it stands. */
export type SelectableFields = Readonly<Record<string, readonly string[]>>;

/** Reads a field selector (`metadata.name=x,status.phase!=Active`); a field nobody declared is refused. */
export function parseFieldSelector(
  text: string,
  fields: SelectableFields,
  unsupported: (label: string) => string,
): Selector {
  const tests = splitTerms(text).map((term) => {
    const { label, value, isEqual } = parseTerm(term);
    const path = fields[label];
    if (path === undefined) throw badRequest(unsupported(label));
    return (object: KubeObject) => (textOf(getAt(object, path)) === value) === isEqual;
  });
  return (object) => tests.every((test) => test(object));
}

function splitTerms(text: string): string[] {
  return text.split(/(?<!\\),/).filter((term) => term !== '');
}

interface FieldTerm {
  readonly label: string;
  readonly value: string;
  readonly isEqual: boolean;
}

function parseTerm(term: string): FieldTerm {
  const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
  if (match === null) throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
  const [, label = '', operator, value = ''] = match;
  return { label, value: value.replaceAll(/\\([\\,=])/g, '$1'), isEqual: operator !== '!=' };
}

/** What a field selector compares: an absent field counts as the empty text. */
function textOf(value: Json | undefined): string {
  return value === undefined || value === null ? '' : String(value);
}
