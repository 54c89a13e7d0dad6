import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { dirname, join, normalize, relative } from 'node:path';
import { startCluster } from '@kleym/kube-api';
import { parse } from 'yaml';
import { z } from 'zod';
import { describe, expect, onTestFinished, test } from 'vitest';
import { commands } from '../cli/command-line/commands.ts';
import { type Flag, flags } from '../cli/command-line/flags.ts';
import { readDefinition, readDefinitions } from '../local/crds/definitions.ts';
import { parseOptions } from '../local/start/options.ts';
import { bindingResource } from '../shared/api/binding.ts';
import { reasons } from '../shared/api/reasons.ts';
import { repairs } from '../shared/api/sweep-report.ts';
import { parseObjects } from './support/kustomization.ts';

const root = join(import.meta.dirname, '..');

describe('reasons', () => {
  test('docs/api.md has all of them, as shared/api/reasons.ts explains them', async () => {
    const rows = Object.entries(reasons).map(([reason, { on, meaning, remedy }]) => [
      `\`${reason}\``,
      on,
      meaning,
      remedy,
    ]);
    expect(cellsOf(sectionOf(await read('docs/api.md'), 'Reasons'))).toEqual(rows);
  });

  test('docs/api.md has the reasons of Events that no condition has', async () => {
    expect(await read('docs/api.md')).toContain('| `IdentityCollisionResolved` |');
  });
});

test('docs/functions.md has every kind of repair, as shared/api/sweep-report.ts explains it', async () => {
  const rows = Object.entries(repairs).map(([repair, { meaning, note }]) => [`\`${repair}\``, meaning, note]);
  expect(cellsOf(sectionOf(await read('docs/functions.md'), 'What the sweep finds'))).toEqual(rows);
});

describe('configuration', () => {
  test('docs/operate.md has every environment variable, and no other', async () => {
    const code = await readAll('shared/{runtime/config,kube/kube-config}.ts');
    const variables = matchesOf(code, /^ {2}([A-Z][A-Z_]+): |env\['([A-Z]+)'\]/gm);
    const ours = variables.filter((name) => name !== 'KUBERNETES_SERVICE_HOST'); // the kubelet's to set
    const settings = sectionOf(await read('docs/operate.md'), 'Settings');
    expect(configured(settings, /`([A-Z][A-Z_]+)`/g)).toEqual(ours);
  });

  test('local/start/README.md has every flag of npm start, and no other', async () => {
    const help = parseOptions(['--help'], {});
    if (help.kind !== 'help') throw new Error(`--help is answered ${help.kind}`);
    const flags = matchesOf(help.text, /^ {2}--([a-z-]+)/gm);
    expect(flags).toContain('port');
    const options = sectionOf(await read('local/start/README.md'), 'Options');
    expect(configured(options, /^`--([a-z-]+)/g)).toEqual(flags);
  });
});

describe('kubectl kleym', () => {
  test('docs/cli.md has a section for every command', async () => {
    const titles = matchesOf(await read('docs/cli.md'), /^## ([a-z ]+?)(?: NAME| -f …)?$/gm);
    expect(titles).toEqual(toSet(Object.keys(commands)));
  });

  test('docs/cli.md has every flag, and no other', async () => {
    const told = matchesOf(sectionOf(await read('docs/cli.md'), 'Flags'), /`--?([A-Za-z-]+)`/g);
    const short = Object.values<Flag>(flags).flatMap(({ short: letter }) => letter ?? []);
    expect(told).toEqual(toSet([...Object.keys(flags), ...short]));
  });
});

describe('the kind', () => {
  test('docs/api.md has every field of spec and status', async () => {
    const schema = await readSchema();
    const paths = ['spec', 'status'].flatMap((part) => fieldsOf(schema.properties?.[part], part));
    const api = await read('docs/api.md');
    expect(paths).toContain('status.observed.pool');
    expect(paths.filter((path) => !api.includes(`\`${path}\``))).toEqual([]);
  });

  test('docs/api.md has every message of admission about the spec', async () => {
    const messages = messagesOf((await readSchema()).properties?.['spec']);
    const api = await read('docs/api.md');
    expect(messages.length).toBeGreaterThan(5);
    expect(messages.filter((message) => !api.includes(`\`${message}\``))).toEqual([]);
  });

  test('every manifest in documents and examples is accepted by admission', async () => {
    const cluster = await startCluster({ crds: await readDefinitions() });
    onTestFinished(() => cluster.close());
    await cluster.apply('apiVersion: v1\nkind: Namespace\nmetadata: { name: team-a }');
    const inDocuments = (await documents()).flatMap(({ text }) =>
      [...text.matchAll(/```yaml\n([^]*?)```|<<'END'\n([^]*?)\nEND\n/g)].map(([, a, b]) => a ?? b ?? ''),
    );
    const bindings = inDocuments.filter((yaml) => yaml.includes('kind: InferenceIdentityBinding'));
    expect(bindings.length).toBeGreaterThanOrEqual(3);
    for (const yaml of bindings) await cluster.apply(yaml);
    for (const yaml of await list('examples/**/*.yaml')) await cluster.apply(await read(yaml));
  });
});

test('no file of examples/ itself has a namespace: kubectl delete -f would delete it first, and miss the rest', async () => {
  const files = await list('examples/*.yaml');
  const objects = await Promise.all(files.map(async (file) => parseObjects(await read(file), file)));
  expect(objects.flat().length).toBeGreaterThan(5);
  expect(objects.flat().map(({ kind }) => kind)).not.toContain('Namespace');
});

describe('permissions', () => {
  const resources = ['inferenceidentitybindings', 'clusterspiffeids', 'inferencepools', 'events'];

  test('docs/security.md grants what knative/base/rbac.yaml grants', async () => {
    const file = 'knative/base/rbac.yaml';
    const roles = parseObjects(await read(file), file).map((one) => Role.parse(one));
    const section = sectionOf(await read('docs/security.md'), 'Permissions');
    const rows = cellsOf(section).flatMap(([names = '', ...cells]) =>
      names.split(', ').map((name) => [name, ...cells]),
    );
    const granted = rows.map(([name]) => {
      const rules = roles.find(({ metadata }) => metadata.name === `kleym-${name}`)?.rules ?? [];
      return [name, ...resources.map((resource) => toCell(rules, resource))];
    });
    expect(rows).toHaveLength(6);
    expect(rows).toEqual(granted);
  });
});

describe('documents', () => {
  test('have no broken links', async () => {
    const broken = (await documents()).flatMap(({ file, text }) =>
      linksOf(text)
        .filter((link) => !leadsSomewhere(file, link))
        .map((link) => `${file}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  test('have no broken anchors', async () => {
    const all = new Map((await documents()).map(({ file, text }) => [file, text]));
    const broken = [...all].flatMap(([file, text]) =>
      linksOf(text)
        .filter((link) => link.includes('#'))
        .filter((link) => {
          const [path = '', anchor = ''] = link.split('#');
          const target = path === '' ? file : normalize(join(dirname(file), path));
          return !anchorsOf(all.get(target) ?? '').includes(anchor);
        })
        .map((link) => `${file}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  test('docs/protocol.md has the rows of the code, under the same numbers', async () => {
    const code = await readAll('shared/decide/*.ts');
    const named = matchesOf(code, /\b[Rr]ows? (\d+)/g);
    const rows = firstColumn(await read('docs/protocol.md'), 'decide: the first row that fits');
    expect(rows).toEqual(Array.from({ length: 17 }, (_, index) => String(index)));
    expect(named.filter((row) => !rows.includes(row))).toEqual([]);
  });

  test('decisions are numbered without gaps, and each has context, decision and consequences', async () => {
    const files = await list('docs/decisions/*.md');
    for (const [index, file] of files.entries()) {
      expect(file).toContain(`/${String(index + 1).padStart(4, '0')}-`);
      const text = await read(file);
      expect(text).toMatch(new RegExp(`^# ${index + 1}\\. `));
      const titles = [...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
      expect({ file, titles }).toEqual({ file, titles: ['Context', 'Decision', 'Consequences'] });
    }
  });
});

async function read(file: string): Promise<string> {
  return readFile(join(root, file), 'utf8');
}

async function list(pattern: string): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob(pattern, { cwd: root })) if (!file.endsWith('.test.ts')) files.push(file);
  return files.toSorted();
}

async function readAll(pattern: string): Promise<string> {
  const texts = await Promise.all((await list(pattern)).map(read));
  return texts.join('\n');
}

async function documents(): Promise<{ file: string; text: string }[]> {
  const files = await list('{*.md,{docs,knative,local,test}/**/*.md}');
  return Promise.all(files.map(async (file) => ({ file, text: await read(file) })));
}

function matchesOf(text: string, pattern: RegExp): string[] {
  return toSet([...text.matchAll(pattern)].map(([, ...groups]) => groups.find(Boolean) ?? ''));
}

function toSet(words: readonly string[]): string[] {
  return [...new Set(words)].toSorted();
}

/** What stands below a heading, up to the next one of any level. */
function sectionOf(text: string, heading: string): string {
  return text.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
}

/** The code in the first column of the table below a heading; plain text where there is no code. */
function firstColumn(text: string, heading: string): string[] {
  return cellsOf(sectionOf(text, heading))
    .map(([cell = '']) => cell.replaceAll('`', ''))
    .filter((cell) => cell !== '');
}

/** The cells of each row of all tables in a text. */
function cellsOf(text: string): string[][] {
  return rowsOf(text).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** What the first column of a section's tables names. */
function configured(section: string, pattern: RegExp): string[] {
  const cells = rowsOf(section).map((row) => row.split('|')[1]?.trim() ?? '');
  return toSet(cells.flatMap((cell) => [...cell.matchAll(pattern)].map(([, name]) => name ?? '')));
}

/** The rows of all tables in a text, without their heads. */
function rowsOf(text: string): string[] {
  const lines = text.split('\n');
  return lines.filter(
    (line, index) =>
      line.startsWith('|') && !line.startsWith('|---') && !(lines[index + 1] ?? '').startsWith('|---'),
  );
}

function linksOf(text: string): string[] {
  const prose = text.replaceAll(/^```[^]*?^```/gm, '').replaceAll(/`[^`]*`/g, '');
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? '');
  return links.filter((link) => !/^https?:/.test(link));
}

function leadsSomewhere(file: string, link: string): boolean {
  const [path = ''] = link.split('#');
  const target = join(root, dirname(file), path);
  return path === '' || (!relative(root, target).startsWith('..') && existsSync(target));
}

/** What a heading is called in an address. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly items?: Schema | undefined;
  readonly 'x-kubernetes-validations'?: readonly { readonly message: string }[] | undefined;
}

const Schema: z.ZodType<Schema> = z.lazy(() =>
  z.object({
    properties: z.record(z.string(), Schema).optional(),
    items: Schema.optional(),
    'x-kubernetes-validations': z.array(z.object({ message: z.string() })).optional(),
  }),
);

const Crd = z.object({
  spec: z.object({ versions: z.tuple([z.object({ schema: z.object({ openAPIV3Schema: Schema }) })]) }),
});

async function readSchema(): Promise<Schema> {
  const [{ schema }] = Crd.parse(parse(await readDefinition(bindingResource))).spec.versions;
  return schema.openAPIV3Schema;
}

/** The fields that a reader looks for: two levels deep, lists with their brackets; the claim's inside is nobody's business. */
function fieldsOf(schema: Schema | undefined, path: string, depth = 2): string[] {
  if (depth === 0) return [];
  return Object.entries(schema?.properties ?? {}).flatMap(([name, field]) => {
    const own = `${path}.${name}${field.items && name !== 'conditions' ? '[]' : ''}`;
    return [own, ...(name === 'claim' ? [] : fieldsOf(field, own, depth - 1))];
  });
}

function messagesOf(schema: Schema | undefined): string[] {
  if (!schema) return [];
  const own = (schema['x-kubernetes-validations'] ?? []).map(({ message }) => message);
  return [...own, ...Object.values(schema.properties ?? {}).flatMap(messagesOf)];
}

const Rule = z.object({ resources: z.array(z.string()), verbs: z.array(z.string()) });
const Role = z.object({ metadata: z.object({ name: z.string() }), rules: z.array(Rule).optional() });

/** The rules about a resource as the document writes them; pools stand for objectives too, which are read alike. */
function toCell(rules: readonly z.infer<typeof Rule>[], resource: string): string {
  const verbsOf = (name: string) =>
    rules.filter(({ resources }) => resources.includes(name)).flatMap(({ verbs }) => verbs);
  const status = verbsOf(`${resource}/status`);
  const verbs = verbsOf(resource).join(', ') || '–';
  return status.length === 0 ? verbs : `${verbs}; \`/status\` ${status.join(', ')}`;
}
