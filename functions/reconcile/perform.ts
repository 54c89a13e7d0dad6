import type { Binding, BindingStatus } from '../../shared/api/binding.ts';
import { type Output, outputAnnotations } from '../../shared/api/cluster-spiffe-id.ts';
import { sendWithinMs } from '../../shared/api/creation-budget.ts';
import type { NewOutput } from '../../shared/api/new-output.ts';
import type { Refused } from '../../shared/api/outcome.ts';
import { NotSentError, UncertainError } from '../../shared/api/uncertain-error.ts';
import { toSecond } from '../../shared/collect/clock.ts';
import type { LargeAccounts } from '../../shared/collect/large-accounts.ts';
import type { EventLoop } from '../../shared/concurrency/run-in-slices.ts';
import type { DryRun, Write, WriteOf } from '../../shared/decide/decision.ts';
import { toEventRecords } from '../../shared/decide/event-records.ts';
import type { RunState } from '../../shared/decide/run-state.ts';
import { toConfirmedStatus } from '../../shared/decide/status.ts';
import { mergeContent, toContentDigest } from '../../shared/identity/content.ts';
import type { WriteTarget, Cluster, WriteResult } from '../../shared/kube/cluster.ts';
import { redact } from '../../shared/text/redact.ts';
import type { EventRecorder } from './event-recorder.ts';
import { explainRejection, findAlteration } from './explain-rejection.ts';

/** What a run needs of the world. */
export interface Tools extends EventLoop {
  readonly cluster: Cluster;
  readonly events: EventRecorder;
  readonly nonce: () => string;
  /** What all runs remember; without it each run finds out by itself. */
  readonly largeAccounts?: LargeAccounts | undefined;
  /** Whether the process is about to end: then a run completes what it has announced, and begins nothing else. */
  readonly isEnding?: (() => boolean) | undefined;
}

/** A decision for one binding, and what its answer changes. */
export interface Performance<D extends Write | DryRun = Write | DryRun> {
  readonly decision: D;
  readonly state: RunState;
  /** When the run read the clock that dates its claim, by the clock of the run. */
  readonly datedAt: number;
  readonly tools: Tools;
}

/**
 * `confirmed`: the output exists and the status says so. `rejected`: the API server refused the write, and the object
 * may be as it was. `not-sent`: it was too late to send it. `answered`: the next collect shows what became of it.
 */
export type WriteOutcome = 'confirmed' | 'rejected' | 'not-sent' | 'answered';

/** Carries out one decision and what follows from its answer, and updates the state for the next decision. */
export async function perform(performance: Performance): Promise<WriteOutcome> {
  const { decision, tools, ...rest } = performance;
  switch (decision.kind) {
    case 'delete-output':
      return deleteOutput({ decision, tools, ...rest });
    case 'fence-output':
      return fenceOutput({ decision, tools, ...rest });
    case 'patch-finalizers':
      return patchFinalizers({ decision, tools, ...rest });
    case 'write-status':
      await writeStatus(decision.binding, decision.status, performance);
      return 'answered';
    case 'create-output':
      return createOutput({ decision, tools, ...rest });
    case 'replace-output':
      return replaceOutput({ decision, tools, ...rest });
    case 'dry-run':
      return dryRun({ decision, tools, ...rest });
  }
}

async function deleteOutput(performance: Performance<WriteOf<'delete-output'>>): Promise<WriteOutcome> {
  const { decision, state, tools } = performance;
  const { uid, annotations, finalizers = [] } = decision.output.metadata;
  const answer = await sendDeletion(decision.output, tools);
  if (answer.kind === 'undeleted') {
    state.undeletedOutput = { uid, words: answer.words };
    return 'rejected';
  }
  // The only POST of this nonce has landed. Once its output is gone, nobody needs to wait for it. If the output was
  // changed meanwhile, or a finalizer holds it, it may have lost the labels by which others find it. Then its claim
  // must stand.
  const isGone = answer.kind === 'written' && finalizers.length === 0;
  const nonce = annotations?.[outputAnnotations.claim];
  if (isGone && nonce !== undefined) state.endedNonce = nonce;
  return 'answered';
}

interface Undeleted {
  readonly kind: 'undeleted';
  readonly words: string;
}

/** `undeleted`: the DELETE was refused or not answered. The output may live on, and the status must say so. */
async function sendDeletion(
  output: Output,
  { cluster }: Tools,
): Promise<Exclude<WriteResult<undefined>, { kind: 'rejected' }> | Undeleted> {
  try {
    const written = await cluster.deleteOutput(targetOf(output));
    return written.kind === 'rejected' ? { kind: 'undeleted', words: toQuotable(written.message) } : written;
  } catch (error) {
    if (!(error instanceof UncertainError)) throw error;
    return { kind: 'undeleted', words: toQuotable(error.message) };
  }
}

/** A cut may split a character, and the API server would store half of it as another one. */
function toQuotable(words: string): string {
  return redact(words).toWellFormed();
}

async function fenceOutput({
  decision: { output },
  tools,
}: Performance<WriteOf<'fence-output'>>): Promise<WriteOutcome> {
  const written = await tools.cluster.replaceOutput(output);
  throwIfRejected(written, `fence ClusterSPIFFEID ${output.metadata.name}`);
  return 'answered';
}

async function patchFinalizers(performance: Performance<WriteOf<'patch-finalizers'>>): Promise<WriteOutcome> {
  const { decision, state, tools } = performance;
  const { binding, finalizers, announce } = decision;
  const written = await tools.cluster.patchFinalizers(
    binding.metadata.namespace,
    targetOf(binding),
    finalizers,
  );
  if (written.kind === 'rejected') {
    state.finalizerRejected = toQuotable(written.message);
    return 'rejected';
  }
  if (written.kind === 'written' && announce) await writeStatus(written.object, announce, performance);
  return 'answered';
}

/** Returns whether the status was written. */
async function writeStatus(
  binding: Binding,
  status: BindingStatus,
  { state, datedAt, tools }: Performance,
): Promise<boolean> {
  const written = await tools.cluster.replaceStatus(binding.metadata.namespace, targetOf(binding), status);
  throwIfRejected(written, `write the status of ${binding.metadata.name}`);
  if (written.kind !== 'written') return false;
  const { claim } = status;
  // A claim that was there before belongs to another run, which may have sent its POST.
  if (claim?.kind === 'creating' && claim.nonce !== nonceOf(binding))
    state.unsentPost = {
      nonce: claim.nonce,
      sendBy: datedAt + sendWithinMs,
      epoch: Date.parse(claim.at) - tools.elapsed(),
    };
  tools.events.record(toEventRecords(binding, status));
  return true;
}

function nonceOf({ status }: Binding): string | undefined {
  return status?.claim?.kind === 'creating' ? status.claim.nonce : undefined;
}

async function createOutput(performance: Performance<WriteOf<'create-output'>>): Promise<WriteOutcome> {
  const { decision, state, tools } = performance;
  const { binding, nonce } = decision;
  const { sendBy = 0, epoch = 0 } = state.unsentPost ?? {};
  const now = tools.elapsed();
  if (now >= sendBy) return 'not-sent';
  delete state.unsentPost; // from here on it may have been sent, whatever happens
  const output = withDate(decision.output, toSecond(epoch + now));
  const written = await sendPost(output, sendBy, tools);
  if (written === 'not-sent') {
    state.endedNonce = nonce;
    return written;
  }
  // The nonce has not ended: if the status cannot be written and somebody takes the labels off, only the nonce proves
  // whose output it is.
  if (written.kind === 'written') return confirmOutput(performance, output, written.object);

  const rejection = await explainRejection(written, output, binding, tools.cluster);
  // Its claim must stand: by it the output is found as soon as no POST can land any more.
  if (rejection === 'unlabelled') return 'answered';
  state.endedNonce = nonce;
  recordRejection(state, output, rejection);
  return 'answered';
}

function withDate(output: NewOutput, sentAt: string): NewOutput {
  const annotations = { ...output.metadata.annotations, [outputAnnotations.sentAt]: sentAt };
  return { ...output, metadata: { ...output.metadata, annotations } };
}

/** `not-sent`: the POST did not leave in time, so nothing can land. */
async function sendPost(
  output: NewOutput,
  sendBy: number,
  { cluster }: Tools,
): Promise<WriteResult<Output> | 'not-sent'> {
  try {
    return await cluster.createOutput(output, { sendBy });
  } catch (error) {
    if (error instanceof NotSentError) return 'not-sent';
    throw error;
  }
}

async function replaceOutput(performance: Performance<WriteOf<'replace-output'>>): Promise<WriteOutcome> {
  const { decision, state, tools } = performance;
  const { output, wanted, binding } = decision;
  const written = await tools.cluster.replaceOutput(mergeContent(output, wanted));
  if (written.kind === 'written') return confirmOutput(performance, wanted, written.object);

  recordRejection(state, wanted, await explainRejection(written, wanted, binding, tools.cluster));
  return 'answered';
}

/** The uid is known, so the status can say that the output is ready, provided that the API server stored what was sent. */
async function confirmOutput(
  performance: Performance<WriteOf<'create-output' | 'replace-output'>>,
  wanted: NewOutput,
  stored: Output,
): Promise<WriteOutcome> {
  const { binding, confirm } = performance.decision;
  const alteration = findAlteration(stored, wanted);
  if (alteration) {
    recordRejection(performance.state, wanted, alteration);
    return 'answered';
  }
  const status = toConfirmedStatus(confirm, stored.metadata.uid);
  return (await writeStatus(binding, status, performance)) ? 'confirmed' : 'answered';
}

async function dryRun({ decision, state, tools }: Performance<DryRun>): Promise<WriteOutcome> {
  const { output, binding } = decision;
  const written = await tools.cluster.createOutput(output, { dryRun: true });
  const rejection =
    written.kind === 'written'
      ? findAlteration(written.object, output)
      : await explainRejection(written, output, binding, tools.cluster);
  recordRejection(state, output, rejection);
  // A POST that is announced finds the output that is there.
  if (rejection === 'unlabelled' || (!rejection && written.kind === 'written'))
    state.acceptedOutput = toContentDigest(output);
  return 'answered';
}

function recordRejection(
  state: RunState,
  wanted: NewOutput,
  rejection: Refused | 'unlabelled' | undefined,
): void {
  if (rejection && rejection !== 'unlabelled')
    state.rejectedOutput = { digest: toContentDigest(wanted), refused: rejection };
}

function targetOf({ metadata }: Binding | Output): WriteTarget {
  return { name: metadata.name, uid: metadata.uid, resourceVersion: metadata.resourceVersion };
}

/** Here a rejection is not about the content: a permission is missing, or the installed CRD is not ours. */
function throwIfRejected(written: WriteResult<unknown>, what: string): void {
  if (written.kind === 'rejected')
    throw new UncertainError(`the API server refuses to ${what}: ${written.message}`);
}
