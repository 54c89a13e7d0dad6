import type { CloudEvent } from 'cloudevents';
import { z } from 'zod';
import { Binding, bindingResource, toEffectiveMode } from '../../shared/api/binding.ts';
import { findReady } from '../../shared/api/conditions.ts';
import { Output, outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import { toApiVersion } from '../../shared/api/object-meta.ts';

/** A binding as one looks at it. */
export interface BindingRow {
  readonly binding: string;
  readonly mode: string;
  readonly pool: string;
  readonly objective: string;
  readonly ready: string;
  readonly reason: string;
  readonly spiffeId: string;
  /** Of Ready. */
  readonly message: string;
}

/** Something that became different, and is worth a line. */
export type Transition =
  | { readonly kind: 'binding'; readonly row: BindingRow }
  | { readonly kind: 'binding-gone'; readonly binding: string }
  | {
      readonly kind: 'output';
      readonly change: 'created' | 'changed' | 'withdrawn';
      readonly name: string;
      readonly spiffeId: string;
    };

/** What the events that pass through tell of bindings and outputs. It keeps a line for each that exists. */
export interface Watcher {
  /** The transition that an event shows, if it shows one. */
  readonly see: (event: CloudEvent<unknown>) => Transition | undefined;
  readonly rows: () => readonly BindingRow[];
}

const Change = z.enum(['add', 'update', 'delete']);

/** Watches what the sources send. */
export function createWatcher(): Watcher {
  const rows = new Map<string, BindingRow>();
  const outputs = new Map<string, string>();
  return {
    see: (event) => {
      const change = Change.safeParse(event.type.split('.').at(-1));
      if (!change.success) return undefined;
      const apiVersion = String(event['apiversion']);
      if (apiVersion === toApiVersion(bindingResource)) return seeBinding(rows, change.data, event.data);
      if (apiVersion === toApiVersion(outputResource)) return seeOutput(outputs, change.data, event.data);
      return undefined;
    },
    rows: () => [...rows.values()].toSorted((a, b) => a.binding.localeCompare(b.binding)),
  };
}

function seeBinding(
  rows: Map<string, BindingRow>,
  change: z.infer<typeof Change>,
  data: unknown,
): Transition | undefined {
  const parsed = Binding.safeParse(data);
  if (!parsed.success) return undefined;
  const row = toRow(parsed.data);
  if (change === 'delete') {
    rows.delete(row.binding);
    return { kind: 'binding-gone', binding: row.binding };
  }
  const before = rows.get(row.binding);
  rows.set(row.binding, row);
  const isSame =
    before?.ready === row.ready && before.reason === row.reason && before.spiffeId === row.spiffeId;
  return isSame ? undefined : { kind: 'binding', row };
}

function toRow({ metadata, spec, status }: Binding): BindingRow {
  const ready = findReady(status);
  return {
    binding: `${metadata.namespace}/${metadata.name}`,
    mode: toEffectiveMode(spec),
    pool: spec.poolRef.name,
    objective: spec.objectiveRef?.name ?? '',
    ready: ready?.status ?? '',
    reason: ready?.reason ?? '',
    spiffeId: status?.computedSpiffeIDs?.[0]?.spiffeID ?? '',
    message: ready?.message ?? '',
  };
}

function seeOutput(
  outputs: Map<string, string>,
  change: z.infer<typeof Change>,
  data: unknown,
): Transition | undefined {
  const parsed = Output.safeParse(data);
  if (!parsed.success) return undefined;
  const { metadata, spec } = parsed.data;
  const spiffeId = spec.spiffeIDTemplate ?? '';
  const before = outputs.get(metadata.uid);
  const content = JSON.stringify(spec);
  if (change === 'delete') {
    outputs.delete(metadata.uid);
    return { kind: 'output', change: 'withdrawn', name: metadata.name, spiffeId };
  }
  outputs.set(metadata.uid, content);
  if (before === content) return undefined;
  return { kind: 'output', change: change === 'add' ? 'created' : 'changed', name: metadata.name, spiffeId };
}
