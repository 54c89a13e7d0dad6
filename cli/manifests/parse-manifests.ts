import { type Document, LineCounter, parseAllDocuments } from 'yaml';
import { isMap } from '../../shared/api/bounded.ts';

/** A text with manifests, and where it comes from. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

/** A place in a file, counted from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** An object as somebody wrote it. */
export interface Manifest {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly origin: Origin;
}

/** Where in which document a manifest stands; in a List it is one of several. */
interface Origin {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly path: readonly (string | number)[];
}

/** What could not be read. */
interface ParseProblem extends Place {
  readonly reason: 'InvalidYaml' | 'NoManifest';
  readonly message: string;
}

export interface ParsedManifests {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly ParseProblem[];
}

/** Reads YAML or JSON documents. Empty ones, which generators leave between separators, are nothing. */
export function parseManifests(sources: readonly Source[]): ParsedManifests {
  const manifests: Manifest[] = [];
  const problems: ParseProblem[] = [];
  for (const { file, text } of sources) {
    const lines = new LineCounter();
    // As the API server reads it: times stay texts.
    const documents = parseAllDocuments(text, {
      schema: 'core',
      lineCounter: lines,
      prettyErrors: false,
      // Its warnings go to the process, and tell of nothing that is refused.
      logLevel: 'error',
    });
    for (const document of Array.isArray(documents) ? documents : [])
      readDocument({ file, document, lines }, { manifests, problems });
  }
  return { manifests, problems };
}

interface Read {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

interface Found {
  readonly manifests: Manifest[];
  readonly problems: ParseProblem[];
}

function readDocument({ file, document, lines }: Read, { manifests, problems }: Found): void {
  const [error] = document.errors;
  if (error) {
    problems.push({ ...toPlace(file, lines, error.pos[0]), reason: 'InvalidYaml', message: error.message });
    return;
  }
  const value = toValue(document);
  if (value === null || value === undefined) return;
  const items = listItems(value);
  for (const [path, item] of items) {
    const manifest = toManifest(file, item, { document, lines, path });
    if (manifest) manifests.push(manifest);
    else
      problems.push({
        ...locateIn(file, { document, lines, path }, []),
        reason: 'NoManifest',
        message: noManifest,
      });
  }
}

const noManifest = 'this is no manifest: expected apiVersion, kind and metadata.name';

/** Aliases that would grow beyond all bounds are refused by the library. */
function toValue(document: Document): unknown {
  try {
    return document.toJS();
  } catch (error) {
    return String(error);
  }
}

function listItems(
  value: unknown,
): readonly (readonly [path: readonly (string | number)[], item: unknown])[] {
  if (!isMap(value) || !Array.isArray(value['items']) || !String(value['kind']).endsWith('List'))
    return [[[], value]];
  return value['items'].map((item, index) => [['items', index], item] as const);
}

function toManifest(file: string, value: unknown, origin: Origin): Manifest | undefined {
  if (!isMap(value)) return undefined;
  const { apiVersion, kind, metadata = {} } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || !isMap(metadata)) return undefined;
  const { name = metadata['generateName'], namespace } = metadata;
  if (typeof name !== 'string' && !isForKustomize(apiVersion)) return undefined;
  return {
    file,
    apiVersion,
    kind,
    namespace: typeof namespace === 'string' && namespace !== '' ? namespace : undefined,
    name: typeof name === 'string' ? name : '',
    value,
    origin,
  };
}

/** What kustomize reads has no name, and is none of ours. */
function isForKustomize(apiVersion: string): boolean {
  return apiVersion.startsWith('kustomize.config.k8s.io/');
}

/** Where a field of a manifest stands; of one that is not there, what it would stand in. */
export function locate({ file, origin }: Manifest, path: readonly (string | number)[]): Place {
  return locateIn(file, origin, path);
}

function locateIn(
  file: string,
  { document, lines, path: start }: Origin,
  path: readonly (string | number)[],
): Place {
  for (let length = path.length; length >= 0; length--) {
    const node = document.getIn([...start, ...path.slice(0, length)], true);
    const offset = offsetOf(node);
    if (offset !== undefined) return toPlace(file, lines, offset);
  }
  return toPlace(file, lines, document.range?.[0] ?? 0);
}

function offsetOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined;
  const { range } = node;
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : undefined;
}

function toPlace(file: string, lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(1, line), column: Math.max(1, col) };
}
