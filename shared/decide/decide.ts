import {
  type Binding,
  type BindingStatus,
  type Claim,
  type UnreadableClaim,
  bindingFinalizer,
} from '../api/binding.ts';
import { outputAnnotations } from '../api/cluster-spiffe-id.ts';
import type { NewOutput } from '../api/new-output.ts';
import { type Refused, type Waiting, refusedForNow } from '../api/outcome.ts';
import { toKeyDigest } from '../identity/collision-key.ts';
import { isSameContent, toContentDigest } from '../identity/content.ts';
import { type Identity, type Rendering, nameOutput, renderIdentity } from '../identity/render-identity.ts';
import type { Settings } from '../identity/settings.ts';
import type { Sources } from '../identity/sources.ts';
import type { Confirmation, Decision, Settled, Write } from './decision.ts';
import type { Memory } from './memory.ts';
import { type Peers, findHolder, findOtherOutput, findPeers, toCollision, toConflicts } from './peers.ts';
import {
  type Subject,
  isOutputRejected,
  isSaid,
  toAnnouncedStatus,
  toConfirmation,
  toConfirmedStatus,
  toFirstStatus,
  toHeldStatus,
  toRefusedStatus,
  toWithdrawingStatus,
} from './status.ts';
import { type HeldOutput, type World, claimOf } from './world.ts';

/** Everything that the rows below look at, for one binding. */
interface View {
  readonly world: World;
  readonly binding: Binding;
  readonly subject: Subject;
  readonly rendering: Rendering;
  readonly peers: Peers;
  readonly memory: Memory;
  /** A nonce that nobody has used. */
  readonly nonce: string;
  readonly claim: Claim | undefined;
  /** The name that its output has, or would have. */
  readonly name: string | undefined;
  /** Its outputs, under whichever names. */
  readonly outputs: readonly HeldOutput[];
  /** The one under its name. */
  readonly output: HeldOutput | undefined;
}

/** The same, once it is known that the binding should have an output. */
interface Wanted extends View {
  readonly identity: Identity;
}

type Removal = Extract<Write, { kind: 'delete-output' }>;

type Row<V> = (view: V) => Decision | undefined;

const settled: Settled = { kind: 'settled' };

/** Rows 3 to 7: what comes before the question whether there is an output. */
const before: readonly Row<View>[] = [withdrawOldName, waitForTerminating, letGo, hold, refuse, waitForPost];

/** Rows 8 to 11: there is no output. */
const absent: readonly Row<Wanted>[] = [waitForHolder, create, probe, announceCreation];

/** Rows 12 to 16: there is one. */
const present: readonly Row<Wanted & { readonly output: HeldOutput }>[] = [
  fence,
  move,
  failClosed,
  correct,
  confirm,
];

/** Row 1: outputs whose binding is gone, or is another one by now. The owner was read by name before it is called gone. */
export function decideOrphans(world: World): readonly Removal[] {
  return world.outputs
    .filter((held) => isOrphan(world, held) && !isTerminating(held))
    .map((held) => remove(held));
}

/** A binding that was just read, and what it refers to. Nobody else was looked at. */
export interface FirstLook {
  readonly binding: Binding;
  readonly sources: Sources;
  readonly settings: Settings;
  /** The API server's time, when it was read. */
  readonly now: string;
}

/** The finalizer, and the announcement that follows. */
export type FirstWrite = Extract<Write, { kind: 'patch-finalizers' }> & { readonly announce: BindingStatus };

/**
 * Row 0: what a binding needs that nobody has evaluated. To announce what follows from its spec alone harms nobody, and
 * the collect that stands between every announcement and its POST finds its peers. Undefined: only a collect can tell.
 */
export function decideFirst(look: FirstLook, nonce: string): FirstWrite | undefined {
  const { binding, sources, settings, now } = look;
  if (!isNew(binding)) return undefined;
  const { outcome, observed } = renderIdentity(binding, sources, settings);
  if (outcome.kind === 'refused') return undefined;
  const { keyDigest } = outcome.value;
  const subject = { binding, observed, peers: [], keyDigest, settings, now };
  const claim: Claim = { kind: 'creating', ...toClaimed(binding, outcome.value), nonce, at: now };
  return { ...toHold(binding), announce: toFirstStatus(subject, claim) };
}

/** The finalizer goes on, and no more. */
export function toHold(binding: Binding): Extract<Write, { kind: 'patch-finalizers' }> {
  const finalizers = [...(binding.metadata.finalizers ?? []), bindingFinalizer];
  return { kind: 'patch-finalizers', binding, finalizers, announce: undefined };
}

/** Whether nobody has looked at a binding yet; what it was before by this name shows in the next collect. */
export function isNew({ metadata, status }: Binding): boolean {
  if (metadata.deletionTimestamp !== undefined || metadata.finalizers?.includes(bindingFinalizer))
    return false;
  return Object.values(status ?? {}).every((field) => field === undefined);
}

/**
 * What a binding needs next, seen from one collect: the first row that fits. Pure, total and deterministic. The rows
 * and why there are no others stand in docs/protocol.md.
 */
export function decide(world: World, name: string, memory: Memory, nonce: string): Decision {
  const binding = world.snapshot.bindings.get(name);
  if (!binding) return settled; // row 2
  const decision = decideRows(toView(world, binding, memory, nonce));
  const claim = binding.status?.claim;
  return claim?.kind === 'unreadable' ? waitForReader(decision, claim) : decision;
}

/** Nobody knows what may land by a claim that cannot be read, so it is not overwritten. An output may go all the same. */
function waitForReader(decision: Decision, { words }: UnreadableClaim): Decision {
  if (decision.kind === 'delete-output') return decision;
  const message = `status.claim cannot be read (${words}): another version of kleym wrote it; run that version, or remove the claim once no function of that version is running`;
  return { kind: 'waiting', message };
}

function decideRows(view: View): Decision {
  return firstOf(before, view) ?? decideOutput(view);
}

function decideOutput(view: View): Decision {
  const { outcome } = view.rendering;
  if (outcome.kind === 'refused') return settled; // row 6 has answered it
  const wanted = { ...view, identity: outcome.value };
  const { output } = view;
  return (output ? firstOf(present, { ...wanted, output }) : firstOf(absent, wanted)) ?? settled;
}

function firstOf<V>(rows: readonly Row<V>[], view: V): Decision | undefined {
  for (const row of rows) {
    const decision = row(view);
    if (decision) return decision;
  }
  return undefined;
}

function toView(world: World, binding: Binding, memory: Memory, nonce: string): View {
  const { name: bindingName } = binding.metadata;
  const rendering = renderIdentity(binding, world.snapshot.sources, world.settings);
  const identity = rendering.outcome.kind === 'done' ? rendering.outcome.value : undefined;
  const peers = findPeers(world, bindingName, identity?.key);
  const name = identity ? nameOf(identity.output) : nameOutput(binding, world.settings);
  const outputs = world.outputsByOwner.get(bindingName) ?? [];
  const subject = {
    binding,
    observed: rendering.observed,
    peers: toConflicts(peers),
    keyDigest: identity?.keyDigest,
    settings: world.settings,
    now: world.snapshot.clock.now,
  };
  const output = outputs.find((held) => held.output.metadata.name === name && !isOrphan(world, held));
  return {
    world,
    binding,
    subject,
    rendering,
    peers,
    memory,
    nonce,
    claim: claimOf(binding),
    name,
    outputs,
    output,
  };
}

// ------------------------------------------------------------------------------------------------ rows 3 to 7

/** Row 3: the old name goes first. */
function withdrawOldName(view: View): Decision | undefined {
  const { outputs, name } = view;
  const old = outputs.find((held) => held.output.metadata.name !== name && !isTerminating(held));
  return old && withdraw(view, old);
}

/** Row 3: an output on its way out still counts, however long it takes; so does one of an earlier binding of this name. */
function waitForTerminating(view: View): Decision | undefined {
  const held = view.outputs.find((one) => isTerminating(one) || isOrphan(view.world, one));
  if (!held) return undefined;
  const { name, finalizers = [] } = held.output.metadata;
  const message = isTerminating(held)
    ? `ClusterSPIFFEID ${name} is being deleted${finalizers.length === 0 ? '' : `; its finalizers hold it: ${finalizers.join(', ')}`}`
    : `ClusterSPIFFEID ${name} belongs to an earlier binding of this name and must be deleted first`;
  return sayWaiting(view, message, toWithdrawingStatus(view.subject, message));
}

/** Row 4: a binding that is being deleted. */
function letGo(view: View): Decision | undefined {
  const { binding } = view;
  if (binding.metadata.deletionTimestamp === undefined) return undefined;
  const { finalizers = [] } = binding.metadata;
  // Somebody may have taken ours off, and somebody else's may hold the binding for ever: its identity goes now.
  if (!finalizers.includes(bindingFinalizer))
    return view.output ? withdraw(view, view.output) : (redate(view) ?? settled);
  return release(view, () => {
    if (view.memory.barred !== undefined)
      return sayRejected(
        view,
        'FinalizerRejected',
        `the finalizer could not be taken off: ${view.memory.barred}`,
      );
    const left = finalizers.filter((finalizer) => finalizer !== bindingFinalizer);
    return { kind: 'patch-finalizers', binding, finalizers: left, announce: undefined };
  });
}

/** Row 5: nothing is written for a binding that could vanish under it. */
function hold(view: View): Decision | undefined {
  const { binding } = view;
  const { finalizers: others = [] } = binding.metadata;
  if (others.includes(bindingFinalizer)) return undefined;
  const finalizers = [...others, bindingFinalizer];
  const next = decideRows({
    ...view,
    binding: { ...binding, metadata: { ...binding.metadata, finalizers } },
  });
  if (view.memory.barred === undefined)
    return { kind: 'patch-finalizers', binding, finalizers, announce: toFirstAnnouncement(view, next) };
  // It had one before, and an output may be left that must go.
  if (next.kind === 'delete-output') return next;
  return sayRejected(view, 'FinalizerRejected', `the finalizer could not be put on: ${view.memory.barred}`);
}

/** Row 11 in one go with row 5: what the rows say of the binding once it is held, if that is a claim of this run's own. */
function toFirstAnnouncement(view: View, decision: Decision): BindingStatus | undefined {
  if (decision.kind !== 'write-status') return undefined;
  const { claim } = decision.status;
  return claim?.kind === 'creating' && claim.nonce === view.nonce ? decision.status : undefined;
}

/** Row 6: withdraw, then report. */
function refuse(view: View): Decision | undefined {
  const refusal = refusalOf(view);
  if (!refusal) return undefined;
  const status = toRefusedStatus(view.subject, refusal);
  if (!view.output && !view.claim && isSaid(view.binding, status))
    return refusal.retry ? { kind: 'waiting', message: refusal.message } : settled;
  return release(view, () => ({ kind: 'write-status', binding: view.binding, status, waiting: undefined }));
}

/** Row 7: a POST of a run that may be dead may still land. */
function waitForPost(view: View): Decision | undefined {
  return isOpen(view) ? waitForLanding(view) : undefined;
}

// ------------------------------------------------------------------------------------------------ rows 8 to 11

/** Row 8: somebody else has the key, or may get it. */
function waitForHolder(view: Wanted): Decision | undefined {
  const holder = findHolder(view.world, view.binding, view.identity.output.metadata.name, view.identity.key);
  if (holder === undefined) return undefined;
  const message = `${holder} still holds the same pods, service account and container`;
  return sayWaiting(view, message, toHeldStatus(view.subject, message));
}

/** Row 9: this collect was the look at the rivals, so the announced POST may be sent; once. */
function create(view: Wanted): Decision | undefined {
  const { claim, memory, identity, binding } = view;
  if (claim?.kind !== 'creating' || !memory.unsent?.fresh || claim.nonce !== memory.unsent.nonce)
    return undefined;
  if (claim.key !== identity.key || claim.name !== identity.output.metadata.name) return undefined;
  const { metadata, spec } = identity.output;
  const annotations = {
    ...metadata.annotations,
    [outputAnnotations.claim]: claim.nonce,
    [outputAnnotations.claimedAt]: claim.at,
  };
  const output = { metadata: { ...metadata, annotations }, spec };
  return { kind: 'create-output', output, binding, nonce: claim.nonce, confirm: confirmationOf(view) };
}

/** Row 10: the API server refused it; ask without writing whether it would take it now. */
function probe({ binding, claim, memory, identity }: Wanted): Decision | undefined {
  if (claim || !isOutputRejected(binding)) return undefined;
  if (memory.accepted === toContentDigest(identity.output)) return undefined;
  return { kind: 'probe', output: identity.output, binding };
}

/** Row 11: announce, so that rivals know before it happens. */
function announceCreation(view: Wanted): Decision {
  return announce(view, toCreatingClaim(view));
}

// ------------------------------------------------------------------------------------------------ rows 12 to 16

type Present = Wanted & { readonly output: HeldOutput };

/** Row 12: a PUT of a key that is not wanted any more may be on its way; after any write on the output it cannot land. */
function fence(view: Present): Decision | undefined {
  const { claim, output, identity, nonce } = view;
  if (!isArmed(view) || claim?.key === identity.key) return undefined;
  const { metadata } = output.output;
  const annotations = { ...metadata.annotations, [outputAnnotations.fence]: nonce };
  return { kind: 'fence-output', output: { ...output.output, metadata: { ...metadata, annotations } } };
}

/** Row 13: the output holds another key than the one that is wanted. */
function move(view: Present): Decision | undefined {
  const { identity, output, world, binding } = view;
  if (output.key === identity.key) return undefined;
  // What the old selector selects is no longer what the pool says: better no identity than the wrong one.
  if (findHolder(world, binding, identity.output.metadata.name, identity.key)) return withdraw(view, output);
  if (isArmed(view)) return replace(view);
  const { uid, resourceVersion } = output.output.metadata;
  const previousKeyDigest = output.key === undefined ? {} : { previousKeyDigest: toKeyDigest(output.key) };
  return announce(view, {
    kind: 'replacing',
    ...toClaimed(view.binding, view.identity),
    ...previousKeyDigest,
    uid,
    base: resourceVersion,
  });
}

/** Row 13: two outputs with one key; neither may be trusted. */
function failClosed(view: Present): Decision | undefined {
  const { world, identity, output } = view;
  const other = findOtherOutput(world, identity.output.metadata.name, identity.key);
  return other === undefined ? undefined : withdraw(view, output);
}

/** Row 14: the key stays, something else of ours differs. */
function correct(view: Present): Decision | undefined {
  return isSameContent(view.output.output, view.identity.output) ? undefined : replace(view);
}

/** Row 15: say so; row 16: it is said. */
function confirm(view: Present): Decision {
  const status = toConfirmedStatus(confirmationOf(view), view.output.output.metadata.uid);
  if (isSaid(view.binding, status)) return settled;
  return { kind: 'write-status', binding: view.binding, status, waiting: undefined };
}

// ------------------------------------------------------------------------------------------------ what rows share

/** Withdraw, make sure that nothing can land, and only then write what follows from it. */
function release(view: View, record: () => Decision): Decision {
  if (view.output) return withdraw(view, view.output);
  return isOpen(view) ? waitForLanding(view) : record();
}

/**
 * An output goes. What this run could not delete lives on, and the status says so: neither that all is well, nor a
 * failure, which would mean that the output is gone.
 */
function withdraw(view: View, held: HeldOutput): Decision {
  const { name, uid } = held.output.metadata;
  const { kept } = view.memory;
  if (kept?.uid !== uid) return remove(held);
  const message = `ClusterSPIFFEID ${name} must go, and could not be deleted: ${kept.words}`;
  return sayRejected(view, 'DeletionRejected', message);
}

/** Says what the API server refuses, and waits. */
function sayRejected(
  view: View,
  reason: 'DeletionRejected' | 'FinalizerRejected',
  message: string,
): Decision {
  return sayWaiting(view, message, toWithdrawingStatus(view.subject, message, reason));
}

/** Why the binding must not have an output. */
function refusalOf({ rendering, world, peers, memory }: View): Refused | undefined {
  const { outcome } = rendering;
  if (outcome.kind === 'refused') return outcome;
  const collision = toCollision(world, peers);
  if (collision) return collision;
  if (world.snapshot.outputs === 'unserved') return unserved;
  return memory.refusal?.digest === toContentDigest(outcome.value.output)
    ? memory.refusal.refused
    : undefined;
}

const unserved = refusedForNow(
  'RenderFailure',
  'ClusterSPIFFEIDCRDMissing',
  'ClusterSPIFFEID CRD is not installed',
);

const stillOpen: Waiting = {
  kind: 'waiting',
  message: 'an earlier request to create the ClusterSPIFFEID may still take effect',
};

/** Whether a POST may still land that this run cannot answer for. */
function isOpen({ claim, output, memory, world }: View): boolean {
  if (claim?.kind !== 'creating') return false;
  if (output?.output.metadata.annotations?.[outputAnnotations.claim] === claim.nonce) return false;
  if (claim.nonce === memory.unsent?.nonce || claim.nonce === memory.dead) return false;
  return claim.at > world.snapshot.clock.quarantine;
}

/** Whose POST may still land waits for it. */
function waitForLanding(view: View): Decision {
  return redate(view) ?? stillOpen;
}

/**
 * A claim that a wrong clock dated far ahead would hold for as long as the clock was wrong. Its POST was announced
 * before it was read, so a quarantine that begins now is long enough; nothing is known that would allow a shorter one.
 */
function redate({ binding, claim, world }: View): Decision | undefined {
  const { clock } = world.snapshot;
  if (claim?.kind !== 'creating' || claim.at <= clock.horizon) return undefined;
  const status = { ...binding.status, claim: { ...claim, at: clock.now } };
  return { kind: 'write-status', binding, status, waiting: stillOpen };
}

/** Whether a PUT may land on the output as it is. */
function isArmed({ claim, output }: Present): boolean {
  const { uid, resourceVersion } = output.output.metadata;
  return claim?.kind === 'replacing' && claim.uid === uid && claim.base === resourceVersion;
}

function isOrphan({ snapshot }: World, { owner, ownerUid }: HeldOutput): boolean {
  const binding = snapshot.bindings.get(owner);
  return !binding || (ownerUid !== undefined && ownerUid !== binding.metadata.uid);
}

function isTerminating({ output }: HeldOutput): boolean {
  return output.metadata.deletionTimestamp !== undefined;
}

function remove({ output, owner }: HeldOutput): Removal {
  return { kind: 'delete-output', output, owner };
}

function replace(view: Present): Write {
  const { output, identity, binding } = view;
  return {
    kind: 'replace-output',
    output: output.output,
    wanted: identity.output,
    binding,
    confirm: confirmationOf(view),
  };
}

function announce(view: Wanted, claim: Claim): Write {
  return {
    kind: 'write-status',
    binding: view.binding,
    status: toAnnouncedStatus(view.subject, claim),
    waiting: undefined,
  };
}

/** Says once what is waited for. */
function sayWaiting({ binding }: View, message: string, status: BindingStatus): Decision {
  return isSaid(binding, status)
    ? { kind: 'waiting', message }
    : { kind: 'write-status', binding, status, waiting: { kind: 'waiting', message } };
}

function toClaimed(binding: Binding, identity: Identity): Pick<Claim, 'name' | 'serviceAccountName' | 'key'> {
  const { serviceAccountName } = binding.spec;
  return {
    name: nameOf(identity.output),
    serviceAccountName,
    ...(identity.key !== undefined && { key: identity.key }),
  };
}

function toCreatingClaim(view: Wanted): Claim {
  return {
    kind: 'creating',
    ...toClaimed(view.binding, view.identity),
    nonce: view.nonce,
    at: view.world.snapshot.clock.now,
  };
}

function confirmationOf({ subject, binding, identity }: Wanted): Confirmation {
  return toConfirmation(subject, identity, { kind: 'owning', ...toClaimed(binding, identity) });
}

function nameOf({ metadata }: NewOutput): string {
  return metadata.name;
}
