import type { Binding, Claim } from '../api/binding.ts';
import { outputAnnotations } from '../api/cluster-spiffe-id.ts';
import { type Identity, type Rendering, nameOutput, renderIdentity } from '../identity/render-identity.ts';
import { type Peers, findPeers, toConflicts } from './peers.ts';
import type { RunState } from './run-state.ts';
import type { StatusContext } from './status.ts';
import { type HeldOutput, type World, claimOf } from './world.ts';

/** Everything that the rows look at, for one binding. */
export interface View {
  readonly world: World;
  readonly binding: Binding;
  readonly context: StatusContext;
  readonly rendering: Rendering;
  readonly peers: Peers;
  readonly state: Readonly<RunState>;
  /** A nonce that nobody has used. */
  readonly nonce: string;
  readonly claim: Claim | undefined;
  /** The name that its output has, or would have. */
  readonly outputName: string | undefined;
  /** All its outputs. */
  readonly outputs: readonly HeldOutput[];
  /** The one under its name. */
  readonly output: HeldOutput | undefined;
}

/** A view of a binding that should have an output. */
export interface RenderedView extends View {
  readonly identity: Identity;
}

/** A view of one that has it. */
export interface OutputView extends RenderedView {
  readonly output: HeldOutput;
}

/** Gathers what the rows look at. */
export function toView(world: World, binding: Binding, state: Readonly<RunState>, nonce: string): View {
  const { name: bindingName } = binding.metadata;
  const rendering = renderIdentity(binding, world.snapshot.sources, world.settings);
  const identity = rendering.outcome.kind === 'done' ? rendering.outcome.value : undefined;
  const peers = findPeers(world, bindingName, identity?.key);
  const outputName = identity?.output.metadata.name ?? nameOutput(binding, world.settings);
  const outputs = world.outputsByOwner.get(bindingName) ?? [];
  const context = {
    binding,
    observed: rendering.observed,
    peers: toConflicts(peers),
    key: identity?.key,
    keyDigest: identity?.keyDigest,
    keyShape: identity?.keyShape,
    settings: world.settings,
    clock: world.snapshot.clock,
  };
  return {
    world,
    binding,
    context,
    rendering,
    peers,
    state,
    nonce,
    claim: claimOf(binding),
    outputName,
    outputs,
    output: outputs.find((held) => held.output.metadata.name === outputName && !isOrphan(world, held)),
  };
}

/** Whether the binding of an output is gone, or has been replaced by another one. */
export function isOrphan({ snapshot }: World, { owner, ownerUid }: HeldOutput): boolean {
  const binding = snapshot.bindings.get(owner);
  return !binding || (ownerUid !== undefined && ownerUid !== binding.metadata.uid);
}

/** Whether an output is being deleted. */
export function isTerminating({ output }: HeldOutput): boolean {
  return output.metadata.deletionTimestamp !== undefined;
}

/** Whether a POST may still land that is not an unsent or ended one of this run. */
export function postMayLand({ claim, output, state, world }: View): boolean {
  if (claim?.kind !== 'creating') return false;
  if (output?.output.metadata.annotations?.[outputAnnotations.claim] === claim.nonce) return false;
  if (claim.nonce === state.unsentPost?.nonce || claim.nonce === state.endedNonce) return false;
  return claim.at > world.snapshot.clock.quarantine;
}

/** Whether a PUT may land on the output as it is. */
export function putMayLand({ claim, output }: OutputView): boolean {
  const { uid, resourceVersion } = output.output.metadata;
  return claim?.kind === 'replacing' && claim.uid === uid && claim.base === resourceVersion;
}
