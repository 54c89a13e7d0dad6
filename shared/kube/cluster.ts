import type { Binding, BindingField, BindingStatus } from '../api/binding.ts';
import type { Output } from '../api/cluster-spiffe-id.ts';
import type { NewOutput } from '../api/new-output.ts';
import type { Objective } from '../api/objective.ts';
import type { Resource } from '../api/object-meta.ts';
import type { Pool } from '../api/pool.ts';
import type { EventRecord } from '../api/event-record.ts';

/** One read of a list: its items, the API server's clock when it answered, and, where it is known, which state of the kind was read. */
export interface Listed<T> {
  readonly items: readonly T[];
  readonly at: string;
  readonly resourceVersion?: string | undefined;
}

/** A list to its end, or as many of its items as were wanted; `isComplete`: there are no others. */
export interface Beginning<T> extends Listed<T> {
  readonly isComplete: boolean;
}

/** `absent`: the object is not there. `unserved`: its CRD is not installed. */
export type Found<T> = T | 'absent' | 'unserved';

/**
 * What became of a write that was answered. `stale`: somebody was faster, collect again. `exists`: the name is taken.
 * `rejected`: the API server will not have this content, or (`forbidden`) not from us.
 */
export type Written<T> =
  | { readonly kind: 'written'; readonly object: T }
  | { readonly kind: 'stale' }
  | { readonly kind: 'exists' }
  | { readonly kind: 'rejected'; readonly forbidden: boolean; readonly message: string };

/** An object that a guarded write is aimed at: exactly this one, exactly as it was read. */
export interface Aim {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** What the labels must be: this value, one of these values (`in`), or absent (`undefined`). */
export type LabelQuery = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What a field of a binding must be: this, or none of these. One that is not set is the empty text. */
export type FieldQuery =
  | { readonly path: BindingField; readonly value: string }
  | { readonly path: BindingField; readonly notIn: readonly string[] };

/**
 * By when a write must have left, as a reading of `performance.now()`. It is looked at where the request leaves; when it
 * has passed nothing is sent, and `NotSentError` is thrown.
 */
interface SendOptions {
  readonly sendBy?: number;
}

/**
 * The few calls we make to the API server. Reads are quorum reads, where nothing else is said, and follow pagination to its
 * end.
 * Whatever is not known for certain (429, 5xx, timeouts, lost connections, missing permission to read) is thrown
 * as `UncertainError`; a write whose outcome is unknown is never repeated.
 */
export interface Cluster {
  getBinding(namespace: string, name: string): Promise<Found<Binding>>;
  /** The same, with the API server's clock when it answered. */
  readBinding(
    namespace: string,
    name: string,
  ): Promise<{ readonly found: Found<Binding>; readonly at: string }>;
  listBindings(where: {
    readonly namespace?: string;
    readonly field?: FieldQuery;
    /** So many will do: what lies behind them is not read. */
    readonly most?: number;
    /**
     * This state or a later one will do, and not just the latest. The API server reads lists from its cache, and to be sure
     * of the latest state it waits for up to 100 ms for word of it, where others have written other kinds meanwhile.
     */
    readonly notOlderThan?: string;
  }): Promise<Beginning<Binding> | 'unserved'>;
  /** `isCached`: whatever the API server has in its cache will do. It may be late, by milliseconds as a rule. */
  listOutputs(
    labels: LabelQuery,
    options?: { readonly isCached: boolean },
  ): Promise<Listed<Output> | 'unserved'>;
  getOutput(name: string): Promise<Found<Output>>;
  getPool(resource: Resource, namespace: string, name: string): Promise<Found<Pool>>;
  listPools(resource: Resource, namespace?: string): Promise<Listed<Pool> | 'unserved'>;
  getObjective(resource: Resource, namespace: string, name: string): Promise<Found<Objective>>;
  listObjectives(resource: Resource, namespace?: string): Promise<Listed<Objective> | 'unserved'>;

  /** Replaces the list of finalizers. */
  patchFinalizers(namespace: string, aim: Aim, finalizers: readonly string[]): Promise<Written<Binding>>;
  /** Replaces the whole status: a field that is not given is removed. */
  replaceStatus(namespace: string, aim: Aim, status: BindingStatus): Promise<Written<Binding>>;
  createOutput(
    output: NewOutput,
    options?: { readonly dryRun?: boolean } & SendOptions,
  ): Promise<Written<Output>>;
  /** PUT: the output carries the uid and resourceVersion that it was read with. */
  replaceOutput(output: Output, options?: SendOptions): Promise<Written<Output>>;
  deleteOutput(aim: Aim): Promise<Written<undefined>>;
  /** A Kubernetes Event; one that exists under this name is not written again. */
  createEvent(record: EventRecord): Promise<Written<undefined>>;
}
