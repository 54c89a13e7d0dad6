import type { Binding, BindingStatus } from '../../shared/api/binding.ts';
import { type Output, outputAnnotations } from '../../shared/api/cluster-spiffe-id.ts';
import type { NewOutput } from '../../shared/api/new-output.ts';
import { type Refused, refused, refusedForNow } from '../../shared/api/outcome.ts';
import { sendWithinMs } from '../../shared/api/creation-budget.ts';
import { toAnnouncements } from '../../shared/decide/announcements.ts';
import type { Probe, Write } from '../../shared/decide/decision.ts';
import type { Memory } from '../../shared/decide/memory.ts';
import { toConfirmedStatus } from '../../shared/decide/status.ts';
import { mergeContent, isSameContent, toContentDigest } from '../../shared/identity/content.ts';
import { ownerUidOf, parseOwner } from '../../shared/identity/ownership.ts';
import type { Aim, Cluster, Written } from '../../shared/kube/cluster.ts';
import { redact } from '../../shared/text/redact.ts';
import { NotSentError, UncertainError } from '../../shared/api/uncertain-error.ts';
import type { Turns } from '../../shared/concurrency/take-turns.ts';
import type { Announcer } from './announcer.ts';

/** What a run does with: the cluster it writes to, and whom it tells. */
export interface Tools extends Turns {
  readonly cluster: Cluster;
  readonly announcer: Announcer;
  readonly nonce: () => string;
}

type Changing<T> = { -readonly [K in keyof T]: T[K] };

/** What a run knows of its own writes for one binding: what the protocol decides by, and when it looked. */
export interface Notes extends Changing<Omit<Memory, 'unsent'>> {
  /** When the collect began from which its present decision was taken. */
  looked: number;
  /** How often it has written for the binding. */
  tries: number;
  unsent?: { readonly nonce: string; readonly since: number };
}

type Step<K extends Write['kind']> = Extract<Write, { kind: K }>;

/** What of a run's notes the protocol decides by. */
export function toMemory(notes: Notes, { elapsed }: Tools): Memory {
  const { looked: _looked, tries: _tries, unsent, ...known } = notes;
  if (!unsent) return known;
  return { ...known, unsent: { nonce: unsent.nonce, fresh: elapsed() - unsent.since < sendWithinMs } };
}

/**
 * `confirmed`: the output is there and the status says so. `kept`: the API server refused, and what should have gone or
 * changed may be as it was. `unsent`: it was too late to send it. Anything else is for the next collect to see.
 */
export type Effect = 'confirmed' | 'kept' | 'unsent' | 'unseen';

/** Carries out one decision, with what may be chained on its answer, and notes what the next decision must know. */
export async function perform(step: Write | Probe, notes: Notes, tools: Tools): Promise<Effect> {
  switch (step.kind) {
    case 'delete-output':
      return remove(step, notes, tools);
    case 'fence-output':
      mustNotBeRejected(
        await tools.cluster.replaceOutput(step.output),
        `fence ClusterSPIFFEID ${step.output.metadata.name}`,
      );
      return 'unseen';
    case 'patch-finalizers':
      return patchFinalizers(step, notes, tools);
    case 'write-status':
      await writeStatus(step.binding, step.status, notes, tools);
      return 'unseen';
    case 'create-output':
      return create(step, notes, tools);
    case 'replace-output':
      return replace(step, notes, tools);
    case 'probe':
      return probe(step, notes, tools);
  }
}

async function remove({ output }: Step<'delete-output'>, notes: Notes, tools: Tools): Promise<Effect> {
  const { uid, annotations, finalizers = [] } = output.metadata;
  const written = await deleteOutput(output, tools);
  if (written.kind === 'kept') {
    notes.kept = { uid, words: written.words };
    return 'kept';
  }
  // The one POST of its nonce has landed: when the output is gone, nobody needs to wait for it. One that was changed
  // meanwhile, or that a finalizer holds, may have lost the labels by which it is found: then its claim must stand.
  const isGone = written.kind === 'written' && finalizers.length === 0;
  const nonce = annotations?.[outputAnnotations.claim];
  if (isGone && nonce !== undefined) notes.dead = nonce;
  return 'unseen';
}

/** Whether it is refused or never answered: it is not known to be gone, and people must learn that it may live on. */
async function deleteOutput(
  output: Output,
  { cluster }: Tools,
): Promise<
  Exclude<Written<undefined>, { kind: 'rejected' }> | { readonly kind: 'kept'; readonly words: string }
> {
  try {
    const written = await cluster.deleteOutput(aimAt(output));
    return written.kind === 'rejected' ? { kind: 'kept', words: toQuotable(written.message) } : written;
  } catch (error) {
    if (!(error instanceof UncertainError)) throw error;
    return { kind: 'kept', words: toQuotable(error.message) };
  }
}

/** A cut may go through a character, and half of one would come back from the API server as something else. */
function toQuotable(words: string): string {
  return redact(words).toWellFormed();
}

async function patchFinalizers(step: Step<'patch-finalizers'>, notes: Notes, tools: Tools): Promise<Effect> {
  const { binding, finalizers, announce } = step;
  const written = await tools.cluster.patchFinalizers(binding.metadata.namespace, aimAt(binding), finalizers);
  if (written.kind === 'rejected') {
    notes.barred = toQuotable(written.message);
    return 'kept';
  }
  if (written.kind === 'written' && announce) await writeStatus(written.object, announce, notes, tools);
  return 'unseen';
}

async function writeStatus(
  binding: Binding,
  status: BindingStatus,
  notes: Notes,
  tools: Tools,
): Promise<boolean> {
  const written = await tools.cluster.replaceStatus(binding.metadata.namespace, aimAt(binding), status);
  mustNotBeRejected(written, `write the status of ${binding.metadata.name}`);
  if (written.kind !== 'written') return false;
  const { claim } = status;
  // One that stood there before is another run's, which may have sent its POST.
  if (claim?.kind === 'creating' && claim.nonce !== nonceOf(binding))
    notes.unsent = { nonce: claim.nonce, since: notes.looked };
  tools.announcer.tell(toAnnouncements(binding, status));
  return true;
}

function nonceOf({ status }: Binding): string | undefined {
  return status?.claim?.kind === 'creating' ? status.claim.nonce : undefined;
}

async function create(step: Step<'create-output'>, notes: Notes, tools: Tools): Promise<Effect> {
  const sendBy = notes.unsent ? notes.unsent.since + sendWithinMs : 0;
  if (tools.elapsed() >= sendBy) return 'unsent';
  delete notes.unsent; // from here on it may have been sent, whatever happens
  const written = await sendCreation(step, sendBy, notes, tools);
  if (!written) return 'unsent';
  // Not dead: where the status cannot be written and the labels are taken off, the nonce is all that proves whose it is.
  if (written.kind === 'written') return confirm(step, step.output, written.object, notes, tools);
  // Its claim must stand: by it the output is found as soon as no POST can land any more.
  if (await isOursWithoutLabels(written, step, tools)) return 'unseen';

  notes.dead = step.nonce;
  const refusal = await toRefusal(written, step.output, step.binding.metadata, tools);
  if (refusal) notes.refusal = refusal;
  return 'unseen';
}

/** Undefined: it did not leave in time, so that nothing can land. */
async function sendCreation(
  step: Step<'create-output'>,
  sendBy: number,
  notes: Notes,
  { cluster }: Tools,
): Promise<Written<Output> | undefined> {
  try {
    return await cluster.createOutput(step.output, { sendBy });
  } catch (error) {
    if (!(error instanceof NotSentError)) throw error;
    notes.dead = step.nonce;
    return undefined;
  }
}

async function replace(step: Step<'replace-output'>, notes: Notes, tools: Tools): Promise<Effect> {
  const written = await tools.cluster.replaceOutput(mergeContent(step.output, step.wanted));
  if (written.kind === 'written') return confirm(step, step.wanted, written.object, notes, tools);

  const refusal = await toRefusal(written, step.wanted, step.binding.metadata, tools);
  if (refusal) notes.refusal = refusal;
  return 'unseen';
}

/** The uid is known now, so the status can say what is true; but only if what was stored is what was sent. */
async function confirm(
  { binding, confirm }: Step<'create-output' | 'replace-output'>,
  wanted: NewOutput,
  stored: Output,
  notes: Notes,
  tools: Tools,
): Promise<Effect> {
  const refusal = toAlteration(stored, wanted);
  if (refusal) notes.refusal = refusal;
  else if (await writeStatus(binding, toConfirmedStatus(confirm, stored.metadata.uid), notes, tools))
    return 'confirmed';
  return 'unseen';
}

async function probe(step: Probe, notes: Notes, tools: Tools): Promise<Effect> {
  const written = await tools.cluster.createOutput(step.output, { dryRun: true });
  if (await isOursWithoutLabels(written, step, tools)) {
    notes.accepted = toContentDigest(step.output);
    return 'unseen';
  }
  const refusal =
    written.kind === 'written'
      ? toAlteration(written.object, step.output)
      : await toRefusal(written, step.output, step.binding.metadata, tools);
  if (refusal) notes.refusal = refusal;
  else if (written.kind === 'written') notes.accepted = toContentDigest(step.output);
  return 'unseen';
}

/** Whether the name is taken by an output of this very binding, whose labels somebody has taken off. */
async function isOursWithoutLabels(
  answer: Written<Output>,
  { binding, output }: Step<'create-output'> | Probe,
  { cluster }: Tools,
): Promise<boolean> {
  if (answer.kind !== 'exists') return false;
  const other = await cluster.getOutput(output.metadata.name);
  if (other === 'absent' || other === 'unserved') return false;
  return (
    ownerUidOf(other) === binding.metadata.uid && parseOwner(other, binding.metadata.namespace) === undefined
  );
}

/** What an answer that is not yes says about the content; undefined where it says nothing about it. */
async function toRefusal(
  answer: Exclude<Written<Output>, { kind: 'written' }>,
  wanted: NewOutput,
  { namespace, name }: Binding['metadata'],
  { cluster }: Tools,
): Promise<Notes['refusal']> {
  switch (answer.kind) {
    case 'stale':
      return undefined;
    case 'exists': {
      const other = await cluster.getOutput(wanted.metadata.name);
      if (other === 'absent' || other === 'unserved' || parseOwner(other, namespace) === name)
        return undefined;
      return refuse(wanted, refused('RenderFailure', 'OutputNameTaken', nameTaken(wanted.metadata.name)));
    }
    case 'rejected': {
      const { forbidden, message } = answer;
      if (!forbidden) return refuse(wanted, refused('RenderFailure', 'OutputRefused', message));
      return refuse(wanted, refusedForNow('RenderFailure', 'OutputForbidden', message));
    }
  }
}

/** An admission policy or an old CRD that changes our fields would have us write for ever. */
function toAlteration(stored: Output, wanted: NewOutput): Notes['refusal'] {
  if (isSameContent(stored, wanted)) return undefined;
  const message = `ClusterSPIFFEID ${wanted.metadata.name} was stored with other content than was written: an admission policy changes it, or its CRD does not know all of its fields`;
  return refuse(wanted, refused('RenderFailure', 'OutputRefused', message));
}

function refuse(wanted: NewOutput, refusal: Refused): NonNullable<Notes['refusal']> {
  return { digest: toContentDigest(wanted), refused: refusal };
}

function nameTaken(name: string): string {
  return `ClusterSPIFFEID ${name} exists and belongs to somebody else: delete it, or give the binding another name`;
}

function aimAt({ metadata }: Binding | Output): Aim {
  return { name: metadata.name, uid: metadata.uid, resourceVersion: metadata.resourceVersion };
}

/** Here a no is not about the content: we lack a permission, or the installed CRD is another one than ours. */
function mustNotBeRejected(written: Written<unknown>, what: string): void {
  if (written.kind === 'rejected')
    throw new UncertainError(`the API server refuses to ${what}: ${written.message}`);
}
