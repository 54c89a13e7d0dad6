import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { bindingResource } from '../shared/api/binding.ts';
import { outputAnnotations, outputLabels, outputResource } from '../shared/api/cluster-spiffe-id.ts';
import { managedBy } from '../shared/identity/ownership.ts';
import { findManifest, manifestsFolder, permissionsOf, readManifests } from './support/kustomization.ts';
import { readDefinitions } from '../local/crds/definitions.ts';

// What the file for kube-state-metrics and the alerts say of each other and of the kinds. What kube-state-metrics makes of
// the file is tested beside the real one.

const Path = z.array(z.string());
const Labels = z.record(z.string(), Path).default({});
const Gauge = z.strictObject({
  path: Path.default([]),
  labelsFromPath: Labels,
  valueFrom: Path.default([]),
  nilIsZero: z.boolean().optional(),
});
const Metric = z.strictObject({
  name: z.string(),
  help: z.string(),
  labelsFromPath: Labels,
  // Prometheus cannot read the other types in the plain text format, and would then read nothing of kube-state-metrics.
  each: z.strictObject({ type: z.literal('Gauge'), gauge: Gauge }),
});
const Kind = z.strictObject({
  groupVersionKind: z.strictObject({ group: z.string(), version: z.string(), kind: z.string() }),
  metricNamePrefix: z.string(),
  errorLogV: z.int().positive(),
  labelsFromPath: Labels,
  metrics: z.array(Metric),
});
type Kind = z.infer<typeof Kind>;
const File = z.strictObject({
  kind: z.literal('CustomResourceStateMetrics'),
  spec: z.strictObject({ resources: z.array(Kind) }),
});
const Alert = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string(),
  labels: z.strictObject({ severity: z.enum(['info', 'warning', 'critical']) }),
  annotations: z.strictObject({ summary: z.string(), description: z.string() }),
});
const Rule = z.object({
  spec: z.strictObject({
    groups: z.array(z.strictObject({ name: z.string(), rules: z.array(Alert) })),
  }),
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}
const Definition = z.object({
  spec: z.object({
    group: z.string(),
    names: z.object({ kind: z.string() }),
    versions: z.array(
      z.object({ name: z.string(), schema: z.object({ openAPIV3Schema: z.custom<Schema>() }) }),
    ),
  }),
});

const component = readManifests('components/monitoring');
const configMap = findManifest(component, 'ConfigMap', 'kleym-kube-state-metrics');
const text = z.strictObject({ 'kleym.yaml': z.string() }).parse(configMap['data'])['kleym.yaml'];
const kinds = File.parse(parse(text)).spec.resources;
const rule = findManifest(readManifests('components/monitoring-alerts'), 'PrometheusRule', 'kleym');
const alerts = Rule.parse(rule).spec.groups.flatMap(({ rules }) => rules);
const definitions = (await readDefinitions()).map((definition) => Definition.parse(parse(definition)).spec);

function kindOf(name: string): Kind {
  const found = kinds.find(({ groupVersionKind }) => groupVersionKind.kind === name);
  if (!found) throw new Error(`the file says nothing of ${name}`);
  return found;
}

/** What the API server puts into every object, as far as it is exported. */
const metadata: Schema = {
  properties: {
    name: {},
    namespace: {},
    generation: {},
    creationTimestamp: {},
    deletionTimestamp: {},
    labels: { properties: Object.fromEntries(Object.values(outputLabels).map((key) => [key, {}])) },
    annotations: { properties: Object.fromEntries(Object.values(outputAnnotations).map((key) => [key, {}])) },
  },
};

function schemaOf({ groupVersionKind: { group, version, kind } }: Kind): Schema | undefined {
  const definition = definitions.find((one) => one.group === group && one.names.kind === kind);
  const schema = definition?.versions.find(({ name }) => name === version)?.schema.openAPIV3Schema;
  return schema && { properties: { ...schema.properties, metadata } };
}

/** `[key=value]` finds an entry of a list by one of its fields. */
function follow(schema: Schema | undefined, path: readonly string[]): Schema | undefined {
  return path.reduce<Schema | undefined>((at, part) => {
    const key = /^\[(.+)=.+\]$/.exec(part)?.[1];
    if (key === undefined) return at?.properties?.[part];
    return at?.items?.properties?.[key] && at.items;
  }, schema);
}

function missing(at: Schema | undefined, paths: readonly (readonly string[])[]): string[] {
  return paths.filter((path) => !follow(at, path)).map((path) => path.join('.'));
}

describe('the file for kube-state-metrics', () => {
  test('describes bindings and outputs, each once', () => {
    expect(kinds.map(({ groupVersionKind }) => groupVersionKind)).toEqual(
      [bindingResource, outputResource].map(({ group, version, kind }) => ({ group, version, kind })),
    );
  });

  test.each(kinds.map((kind) => ({ name: kind.groupVersionKind.kind, kind })))(
    'names only fields that a $name has',
    ({ kind }) => {
      const schema = schemaOf(kind);
      expect(missing(schema, Object.values(kind.labelsFromPath))).toEqual([]);
      for (const { name, labelsFromPath, each } of kind.metrics) {
        const at = follow(schema, each.gauge.path);
        const fromRoot = missing(schema, [each.gauge.path, ...Object.values(labelsFromPath)]);
        const fromHere = missing(at?.items ?? at, [
          ...Object.values(each.gauge.labelsFromPath),
          each.gauge.valueFrom,
        ]);
        expect([name, ...fromRoot, ...fromHere]).toEqual([name]);
      }
    },
  );

  test('selects our outputs by the label that the functions write', () => {
    expect(kindOf(outputResource.kind).labelsFromPath).toEqual({
      output: ['metadata', 'name'],
      managed_by: ['metadata', 'labels', outputLabels.managedBy],
      namespace: ['metadata', 'labels', outputLabels.bindingNamespace],
      binding: ['metadata', 'annotations', outputAnnotations.bindingName],
    });
  });

  test('has metrics with names and help that Prometheus accepts', () => {
    for (const { metrics } of kinds) {
      expect(new Set(metrics.map(({ name }) => name)).size).toBe(metrics.length);
      for (const { name, help } of metrics) {
        expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/);
        expect(help).toMatch(/^[A-Z].*\.$/);
      }
    }
  });
});

describe('the permissions of kube-state-metrics', () => {
  test('are to list and watch the kinds of the file and the definitions, and no others', () => {
    const read = ['list', 'watch'];
    expect(permissionsOf(component, 'kube-state-metrics')).toEqual({
      'customresourcedefinitions.apiextensions.k8s.io': read,
      [`${bindingResource.plural}.${bindingResource.group}`]: read,
      [`${outputResource.plural}.${outputResource.group}`]: read,
    });
  });

  test('belong to an account of the namespace that the file is in', () => {
    const { subjects } = findManifest(component, 'ClusterRoleBinding', 'kleym-kube-state-metrics');
    expect(subjects).toEqual([
      { kind: 'ServiceAccount', name: 'kube-state-metrics', namespace: configMap.metadata.namespace },
    ]);
  });
});

/** The labels of every metric of the file, by its full name. */
const labelsOf = new Map<string, readonly string[]>(
  kinds.flatMap(({ metricNamePrefix, labelsFromPath, metrics }) =>
    metrics.map(({ name, labelsFromPath: own, each }): [string, readonly string[]] => [
      `${metricNamePrefix}_${name}`,
      [labelsFromPath, own, each.gauge.labelsFromPath].flatMap((labels) => Object.keys(labels)),
    ]),
  ),
);

function wordsOf(from: string, pattern: RegExp): string[] {
  return [...from.matchAll(pattern)].flatMap(([, word = '']) => word.split(/[\s,]+/));
}

/** Names and labels of metrics in an expression that the file for kube-state-metrics does not have. */
function findUnknown(expr: string, legends = ''): string[] {
  const metrics = wordsOf(expr, /\b((?:kleym|kube)_[a-z_]+)/g);
  // It exports this one without being told.
  const sweeping = 'kube_deployment_status_replicas_ready';
  const known = metrics.flatMap((name) => labelsOf.get(name) ?? ['namespace', 'deployment']);
  const used = [
    ...wordsOf(expr, /(?:by|on) \(([^)]*)\)/g),
    ...wordsOf(expr, /([a-z_]+)(?:!=|=~|=)"/g),
    ...wordsOf(legends, /(?:\$labels\.|\{\{)([a-z_]+)/g),
  ];
  return [
    ...(metrics.length === 0 ? ['no metric'] : []),
    ...metrics.filter((name) => name !== sweeping && !labelsOf.has(name)),
    ...used.filter((label) => !known.includes(label)),
  ];
}

describe('the alerts', () => {
  test.each(alerts)('$alert asks for metrics and labels that are exported', ({ expr, annotations }) => {
    expect(findUnknown(expr, Object.values(annotations).join(' '))).toEqual([]);
    const kept = wordsOf(expr, /by \(([^)]*)\)/g);
    const told = wordsOf(Object.values(annotations).join(' '), /\$labels\.([a-z_]+)/g);
    expect(told.filter((label) => !kept.includes(label))).toEqual([]);
  });

  test('about outputs ignore those of others', () => {
    const expressions = alerts.map(({ expr }) => expr).filter((expr) => expr.includes('kleym_output_'));
    expect(expressions.length).toBeGreaterThan(0);
    for (const expr of expressions) expect(expr).toContain(`{managed_by="${managedBy}"}`);
  });

  test('use conditions, reasons and settings that exist', () => {
    const everything = JSON.stringify(alerts);
    const crd = readFileSync(join(manifestsFolder, 'base', 'crd.yaml'), 'utf8');
    expect(wordsOf(everything, /type=\\"(\w+)/g)).toEqual(['Ready', 'Conflict', 'Conflict', 'Ready']);
    for (const word of wordsOf(everything, /(?:type|status|reason)!?=\\"(\w+)/g)) expect(crd).toContain(word);
    const { data } = findManifest(readManifests('base'), 'ConfigMap', 'kleym-config');
    for (const setting of wordsOf(everything, /(KLEYM_\w+)/g)) expect(data).toHaveProperty(setting);
  });

  test('about the sweep select the pods of its Service', () => {
    const { metadata } = findManifest(readManifests('base'), 'Service', 'sweep');
    const sweeping = alerts.filter(({ alert }) => alert === 'KleymSweepNotRunning');
    const selectors = sweeping.flatMap(({ expr }) => expr.match(/\{[^}]*\}/g));
    // Knative calls the Deployment of a Revision `<service>-<five digits>-deployment`.
    const selector = `{namespace="${metadata.namespace}", deployment=~"${metadata.name}-[0-9]+-deployment"}`;
    expect(selectors).toEqual([selector, selector]);
  });

  test('each have a case in which they fire, and one in which they do not yet', () => {
    const Case = z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()) });
    const Cases = z.object({ tests: z.array(z.object({ alert_rule_test: z.array(Case).default([]) })) });
    const file = join(import.meta.dirname, 'alerts', 'alerts.promtool.yaml');
    const cases = Cases.parse(parse(readFileSync(file, 'utf8'))).tests.flatMap((one) => one.alert_rule_test);
    const namesOf = (fires: boolean) =>
      new Set(cases.filter((one) => one.exp_alerts.length > 0 === fires).map((one) => one.alertname));
    const names = new Set(alerts.map(({ alert }) => alert));
    expect(namesOf(true)).toEqual(names);
    expect(namesOf(false)).toEqual(names);
    expect(names.size).toBe(alerts.length);
  });
});

const Target = z.object({ expr: z.string(), legendFormat: z.string().optional() });
const Dashboard = z.object({
  templating: z.object({ list: z.array(z.object({ name: z.string() })) }),
  panels: z.array(
    z.object({
      id: z.int(),
      title: z.string(),
      type: z.enum(['stat', 'table', 'timeseries']),
      gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
      targets: z.array(Target),
    }),
  ),
});

describe('the dashboard', () => {
  const { data } = findManifest(
    readManifests('components/monitoring-dashboard'),
    'ConfigMap',
    'kleym-dashboard',
  );
  const json = z.strictObject({ 'kleym.json': z.string() }).parse(data)['kleym.json'];
  const { panels, templating } = Dashboard.parse(JSON.parse(json));

  test.each(panels)('asks in "$title" for metrics and labels that are exported', ({ targets }) => {
    for (const { expr, legendFormat } of targets)
      expect([expr, ...findUnknown(expr, legendFormat)]).toEqual([expr]);
  });

  test('shows every metric', () => {
    const shown = new Set(wordsOf(json, /\b(kleym_[a-z_]+)/g));
    // Since when there is a binding is no matter here.
    const left = [...labelsOf.keys()].filter((name) => !shown.has(name));
    expect(left).toEqual(['kleym_binding_creation_timestamp_seconds']);
  });

  test('shows no ClusterSPIFFEID of others, and no more than a hundred rows', () => {
    const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const selectors = expressions.flatMap((expr) => expr.match(/kleym_output_[a-z_]+\{[^}]*\}/g) ?? []);
    expect(selectors.length).toBeGreaterThan(0);
    expect(selectors.filter((one) => !one.includes(`managed_by="${managedBy}"`))).toEqual([]);
    const tables = panels.filter(({ type }) => type === 'table').flatMap(({ targets }) => targets);
    expect(tables.filter(({ expr }) => !expr.startsWith('topk(100, '))).toEqual([]);
  });

  test('has variables for all that it inserts, and panels that do not overlap', () => {
    const inserted = new Set(wordsOf(json, /\$\{?([a-z]+)/g));
    expect([...inserted].toSorted()).toEqual(templating.list.map(({ name }) => name).toSorted());
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const [index, { gridPos: a }] of panels.entries()) {
      expect(a.x + a.w).toBeLessThanOrEqual(24);
      const over = panels
        .slice(index + 1)
        .filter(({ gridPos: b }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h);
      expect(over.map(({ title }) => title)).toEqual([]);
    }
  });
});
