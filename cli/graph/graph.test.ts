import { expect, test } from 'vitest';
import { type Binding } from '../../shared/api/binding.ts';
import { toClock } from '../../shared/collect/clock.ts';
import type { Snapshot } from '../../shared/decide/world.ts';
import {
  createBinding,
  createSources,
  exampleSettings,
  perObjective,
  poolOnly,
} from '../../test/support/inference.ts';
import { plain } from '../terminal/paint.ts';
import { toDot, toMermaid } from './graph-languages.ts';
import { toGraphText } from './graph-text.ts';
import { toIdentityGraph } from '../../shared/explain/graph/identity-graph.ts';
import { toSvg } from './to-svg.ts';

function withReady(binding: Binding, status: 'True' | 'False', reason: string): Binding {
  const condition = {
    type: 'Ready' as const,
    status,
    reason,
    message: '',
    observedGeneration: 1,
    lastTransitionTime: '',
  };
  return { ...binding, status: { conditions: [condition] } };
}

const bindings = [
  withReady(createBinding(perObjective, 'chat'), 'True', 'Reconciled'),
  withReady(
    createBinding({ ...poolOnly, poolRef: { name: 'nowhere' } }, 'astray'),
    'False',
    'TargetPoolNotFound',
  ),
  createBinding(poolOnly, 'new'),
];
const snapshot: Snapshot = {
  namespace: 'default',
  bindings: new Map(bindings.map((binding) => [binding.metadata.name, binding])),
  outputs: [],
  sources: createSources(),
  clock: toClock('2026-01-01T00:00:00Z'),
};
const graph = toIdentityGraph([snapshot], exampleSettings);

test('as text: pools, their bindings, the identities of these', () => {
  expect(toGraphText(graph, { width: undefined, paint: plain })).toBe(`pool default/nowhere (not there)
  default/astray (TargetPoolNotFound)
pool default/pool-a
  default/chat, objective default/objective-a
    → spiffe://example.org/ns/default/objective/objective-a
  default/new (not evaluated)
`);
});

test('as mermaid', () => {
  expect(toMermaid(graph)).toBe(`flowchart LR
  n0["default/astray (TargetPoolNotFound)"]:::failed
  n1["default/chat"]:::ready
  n2["default/new (not evaluated)"]:::pending
  n3{{"spiffe://example.org/ns/default/objective/objective-a"}}:::plain
  n4(["default/objective-a"]):::plain
  n5[("default/nowhere (not there)")]:::missing
  n6[("default/pool-a")]:::plain
  n1 --> n3
  n4 --> n1
  n5 --> n0
  n6 --> n1
  n6 --> n2
  classDef ready stroke:#2da44e
  classDef failed stroke:#cf222e
  classDef pending stroke:#bf8700
  classDef missing stroke:#cf222e,stroke-dasharray: 4
  classDef plain stroke:#57606a
`);
});

test('as dot', () => {
  const dot = toDot(graph);
  expect(dot).toContain('  "binding default/chat" [label="default/chat", shape=box, color=green];\n');
  expect(dot).toContain('  "pool default/pool-a" -> "binding default/chat";\n');
});

test('as SVG: every node and every edge, and nothing outside', () => {
  const svg = toSvg(graph);
  expect(svg.match(/<rect /g)).toHaveLength(graph.nodes.length);
  expect(svg.match(/<path /g)).toHaveLength(graph.edges.length);
  const width = Number(/width="(\d+)"/.exec(svg)?.[1]);
  const rights = [...svg.matchAll(/<rect x="(\d+)" y="\d+" width="(\d+)"/g)].map(
    ([, x, w]) => Number(x) + Number(w),
  );
  expect(Math.max(...rights)).toBeLessThan(width);
});

test('nothing is said where there is nothing', () => {
  const empty = toIdentityGraph([], exampleSettings);
  expect(toGraphText(empty, { width: undefined, paint: plain })).toBe('there are no bindings\n');
  expect(toSvg(empty)).toMatch(/^<svg [^>]*>\n<\/svg>\n$/);
});
