import { type Json, type JsonObject, isJsonObject } from './json.ts';
import type { KubeObject } from './kube-object.ts';

/** One column of the table that `kubectl get` prints. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description: string;
  readonly priority?: number;
  readonly cell: (object: KubeObject, now: number) => Json;
}

export type Detail = 'Metadata' | 'Object' | 'None';

export const nameColumn: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  // A bookmark has no name.
  cell: (object) => object.metadata.name ?? '',
};

/** How long ago a time was, as kubectl words it: `5s`, `3m20s`, `2d4h`. */
export function toAge(time: Json | undefined, now: number): string {
  const then = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  if (Number.isNaN(then)) return '<unknown>';
  const seconds = Math.floor((now - then) / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 120) return `${Math.max(seconds, 0)}s`;
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(seconds / unit)) as [
    number,
    number,
    number,
  ];
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (days < 8) return withRest(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  return withRest(Math.floor(days / 365), 'y', days % 365, 'd');
}

function withRest(whole: number, unit: string, rest: number, restUnit: string): string {
  return `${whole}${unit}${rest > 0 ? `${rest}${restUnit}` : ''}`;
}

export const ageColumn: Column = {
  name: 'Age',
  type: 'string',
  description: 'CreationTimestamp is a timestamp representing the server time when this object was created.',
  cell: (object, now) => toAge(object.metadata.creationTimestamp, now),
};

type Step = (value: Json) => Json[];

const part = /\.((?:\\.|[^.[\]\\])+)|\[((?:"[^"]*"|'[^']*'|[^\]"'])*)\]/gy;

/**
 * The part of JSONPath that printer columns use: `.a.b`, `[0]`, `[*]`, `['a']`, `[?(@.type=="Ready")]`.
 * Undefined when the path needs more than that.
 */
export function parseJsonPath(path: string): ((value: Json) => Json[]) | undefined {
  const steps: Step[] = [];
  let end = 0;
  for (const match of path.matchAll(part)) {
    const step =
      match[1] === undefined ? toBracketStep(match[2] ?? '') : stepInto(match[1].replaceAll(/\\(.)/g, '$1'));
    if (step === undefined) return undefined;
    steps.push(step);
    end = match.index + match[0].length;
  }
  if (end !== path.length) return undefined;
  return (value) => steps.reduce<Json[]>((values, step) => values.flatMap(step), [value]);
}

const condition = /^\?\(\s*@\.([\w.-]+)\s*(==|!=)\s*["']?([^"']*)["']?\s*\)$/;

function toBracketStep(inside: string): Step | undefined {
  if (inside === '*') return stepThroughAll;
  if (/^-?\d+$/.test(inside)) return stepAt(Number(inside));
  const quoted = /^(["'])(.*)\1$/.exec(inside);
  if (quoted !== null) return stepInto(quoted[2] ?? '');
  const match = condition.exec(inside);
  return match === null
    ? undefined
    : stepWhere((match[1] ?? '').split('.'), match[3] ?? '', match[2] === '==');
}

function stepThroughAll(value: Json): Json[] {
  if (Array.isArray(value)) return value;
  return isJsonObject(value) ? Object.values(value).filter((each) => each !== undefined) : [];
}

function stepAt(index: number): Step {
  return (value) => {
    const found = Array.isArray(value) ? value.at(index) : undefined;
    return found === undefined ? [] : [found];
  };
}

function stepInto(field: string): Step {
  return (value) => {
    const found = isJsonObject(value) ? value[field] : undefined;
    return found === undefined ? [] : [found];
  };
}

function stepWhere(path: readonly string[], wanted: string, isEqual: boolean): Step {
  const steps = path.map(stepInto);
  return (value) => {
    if (!Array.isArray(value)) return [];
    return value.filter((item) => {
      const found = steps.reduce<Json[]>((values, step) => values.flatMap(step), [item]);
      return found.length > 0 && (String(found[0]) === wanted) === isEqual;
    });
  };
}

/** The columns of a custom resource; where its definition names none, its age. */
export function toColumns(declared: readonly JsonObject[]): Column[] {
  return [nameColumn, ...(declared.length === 0 ? [{ ...ageColumn, type: 'date' }] : declared.map(toColumn))];
}

/** A column that a definition asks for in `additionalPrinterColumns`. */
function toColumn(declared: JsonObject): Column {
  const text = (field: string): string => (typeof declared[field] === 'string' ? declared[field] : '');
  const [type, path] = [text('type'), text('jsonPath')];
  const find = parseJsonPath(path) ?? (() => []);
  return {
    name: text('name'),
    type,
    format: text('format'),
    description: text('description') || `Custom resource definition column (in JSONPath format): ${path}`,
    priority: typeof declared['priority'] === 'number' ? declared['priority'] : 0,
    cell: (object, now) => toCell(find(object)[0], type, now),
  };
}

/** What a printer column of a custom resource shows of the first value its path finds. */
function toCell(value: Json | undefined, type: string, now: number): Json {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'date':
      return toAge(value, now);
    case 'string':
      return typeof value === 'string' ? value : JSON.stringify(value);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    default:
      return null;
  }
}

/** An object reduced to its metadata, as clients ask for that only look at those. */
export function toPartialMetadata(object: KubeObject): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

export interface TableOptions {
  readonly columns: readonly Column[];
  readonly detail: Detail;
  /** Turns a stored object into what its version shows. */
  readonly present: (object: KubeObject) => KubeObject;
  readonly metadata: JsonObject;
  /** A watch names its columns once, in its first event. */
  readonly isContinued?: boolean;
  readonly now: number;
}

/** Stored objects as the table that kubectl prints. */
export function toTable(objects: readonly KubeObject[], options: TableOptions): JsonObject {
  const { columns } = options;
  const definitions = columns.map(({ name, type, format = '', description, priority = 0 }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.metadata,
    columnDefinitions: options.isContinued === true ? null : definitions,
    rows: objects.map((object) => ({
      cells: columns.map((each) => each.cell(object, options.now)),
      object: show(object, options),
    })),
  };
}

function show(object: KubeObject, { detail, present }: TableOptions): Json {
  switch (detail) {
    case 'None':
      return null;
    case 'Object':
      return present(object);
    case 'Metadata':
      return toPartialMetadata(object);
  }
}
