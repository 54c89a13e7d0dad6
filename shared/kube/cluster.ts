import type { Binding, BindingField, BindingStatus } from '../api/binding.ts';
import type { Output } from '../api/cluster-spiffe-id.ts';
import type { NewOutput } from '../api/new-output.ts';
import type { Objective } from '../api/objective.ts';
import type { Resource } from '../api/object-meta.ts';
import type { Pool } from '../api/pool.ts';
import type { EventRecord } from '../api/event-record.ts';
import type { SweepReport } from '../api/sweep-report.ts';

/** One read of a list: its items, the API server's clock when it answered, and the state that was read, if it is known. */
export interface Listed<T> {
  readonly items: readonly T[];
  readonly at: string;
  readonly resourceVersion?: string | undefined;
}

/** A list, or the first items of it; `isComplete`: there are no others. */
export interface PartialList<T> extends Listed<T> {
  readonly isComplete: boolean;
  /** How many others there are, where the API server says so: not of a list that is selected. */
  readonly remaining?: number | undefined;
  /** How many characters the items that were read had as JSON, with what is not kept of them. */
  readonly length?: number;
}

/** `absent`: the object is not there. `unserved`: its CRD is not installed. */
export type Found<T> = T | 'absent' | 'unserved';

/**
 * The answer to a write. `stale`: somebody was faster, collect again. `exists`: the name is taken. `rejected`: the API
 * server does not accept this content, or (`forbidden`) not from us.
 */
export type WriteResult<T> =
  | { readonly kind: 'written'; readonly object: T }
  | { readonly kind: 'stale' }
  | { readonly kind: 'exists' }
  | { readonly kind: 'rejected'; readonly forbidden: boolean; readonly message: string };

/** The object at which a write is aimed, exactly as it was read. */
export interface WriteTarget {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** What the labels must be: a value, one of several values, absent (`undefined`), or absent or none of several values. */
export type LabelQuery = Readonly<
  Record<string, string | readonly string[] | { readonly notIn: readonly string[] } | undefined>
>;

/** What a field of a binding must be: this, or none of these. A field that is not set is the empty text. */
export type FieldQuery =
  | { readonly path: BindingField; readonly value: string }
  | { readonly path: BindingField; readonly notIn: readonly string[] };
/** What a field must be, or several fields. */
export type FieldQueries = FieldQuery | readonly FieldQuery[];

/**
 * By when a write must leave, as a reading of `performance.now()`. It is checked where the request leaves. After that
 * nothing is sent, and `NotSentError` is thrown.
 */
interface SendOptions {
  readonly sendBy?: number;
}

/**
 * The reads among the few calls that kleym makes to the API server. They are quorum reads unless they say otherwise, and
 * follow pagination to the end. Whatever is not known for certain (429, 5xx, timeouts, lost connections, missing
 * permission to read) is thrown as `UncertainError`.
 */
export interface ClusterReads {
  getBinding(namespace: string, name: string): Promise<Found<Binding>>;
  /** Reads a binding, with the API server's clock when it answered. */
  readBinding(
    namespace: string,
    name: string,
  ): Promise<{ readonly found: Found<Binding>; readonly at: string }>;
  listBindings(where: {
    readonly namespace?: string;
    readonly field?: FieldQueries;
    /** At most this many items are read. */
    readonly most?: number;
    /**
     * This state or a later one is enough. The API server answers lists from its cache. To be sure of the latest state
     * it waits up to 100 ms if others have written other kinds meanwhile.
     */
    readonly notOlderThan?: string;
    /**
     * Of a list of all: hears that it is settled which state the list shows, while most of it is still to be read. What is
     * read from then on is as late as that or later. If the list is started again, it hears so again.
     */
    readonly onState?: () => void;
  }): Promise<PartialList<Binding> | 'unserved'>;
  /** `isCached`: the state in the API server's cache is enough, which is usually some milliseconds old. */
  listOutputs(
    labels: LabelQuery,
    options?: { readonly isCached: boolean },
  ): Promise<Listed<Output> | 'unserved'>;
  getOutput(name: string): Promise<Found<Output>>;
  getPool(resource: Resource, namespace: string, name: string): Promise<Found<Pool>>;
  listPools(resource: Resource, namespace?: string): Promise<Listed<Pool> | 'unserved'>;
  getObjective(resource: Resource, namespace: string, name: string): Promise<Found<Objective>>;
  listObjectives(resource: Resource, namespace?: string): Promise<Listed<Objective> | 'unserved'>;
  /** Reads what the sweep last reported, with the API server's clock when it answered. */
  readSweepReport(): Promise<{ readonly found: Found<StoredSweepReport>; readonly at: string }>;
}

/** Reads and writes. A write whose outcome is unknown is never repeated, and thrown as `UncertainError`. */
export interface Cluster extends ClusterReads {
  /** Replaces the list of finalizers. */
  patchFinalizers(
    namespace: string,
    aim: WriteTarget,
    finalizers: readonly string[],
  ): Promise<WriteResult<Binding>>;
  /** Replaces the whole status: a field that is not given is removed. */
  replaceStatus(namespace: string, aim: WriteTarget, status: BindingStatus): Promise<WriteResult<Binding>>;
  createOutput(
    output: NewOutput,
    options?: { readonly dryRun?: boolean } & SendOptions,
  ): Promise<WriteResult<Output>>;
  /** PUT: the output carries the uid and resourceVersion that it was read with. */
  replaceOutput(output: Output, options?: SendOptions): Promise<WriteResult<Output>>;
  deleteOutput(aim: WriteTarget): Promise<WriteResult<undefined>>;
  /** A Kubernetes Event; one that exists under this name is not written again. */
  createEvent(record: EventRecord): Promise<WriteResult<undefined>>;
  patchSweepReport(aim: WriteTarget, report: SweepReport): Promise<WriteResult<undefined>>;
}

/** The report, if there is one that can be read, and the object in which it is kept. */
export interface StoredSweepReport {
  readonly aim: WriteTarget;
  readonly report: SweepReport | undefined;
}
