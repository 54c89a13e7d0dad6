import type { Binding, BindingField, BindingStatus, Claim } from '../../shared/api/binding.ts';
import { type Output, outputLabels } from '../../shared/api/cluster-spiffe-id.ts';
import type { Pool } from '../../shared/api/pool.ts';
import { claimOf } from '../../shared/decide/world.ts';
import { type Call, type ClusterState, isOurs, namespace, serve } from './model-cluster.ts';
import { type Asked, type Served, type Tampering, honestly } from './tampering.ts';

/**
 * Each takes one safeguard away by lying to a run, or by altering what it sends: what the protocol would be without
 * it. The shipped code stays as it is.
 */
export const ablations = {
  /** A move is given up without a write on the output: another run's announcement of a move is not shown. */
  noFence: hidingClaims(
    ({ claim, isOwn, isAnnounced }) => isOwn && claim.kind === 'replacing' && !isAnnounced,
  ),
  /** A PUT is not bound to the resourceVersion that was announced. */
  putReadRv: sending((call, { state }) => (call.method === 'replaceOutput' ? onto(state, call) : call)),
  /** A move is written down nowhere: only the run itself believes that it has announced it. */
  putUnannounced: announcingToItself,
  /** Rivals do not count the claim of a move. */
  movesNotHeld: hidingClaims(({ claim, isOwn }) => !isOwn && claim.kind === 'replacing'),
  /** An output that is taken over is corrected at once: no claim, no look at others. */
  adoptNoCheck: (asked) => blindly(asked, announcingToItself),
  /** Nobody looks at the claims and outputs of others. */
  noLook: (asked) => blindly(asked, honestly),
  /** The look is older than the announcement. */
  blind: withOldLook,
  /** What was announced counts as over at once. */
  noQuarantine: sending((call) => (call.method === 'replaceStatus' ? datedBack(call) : call)),
  /** A POST is sent twice. */
  manyPosts: (asked) => {
    const isPost = asked.call.method === 'createOutput' && !asked.call.args[1]?.dryRun;
    return { ...honestly(asked), copies: isPost ? [asked.call] : [] };
  },
  /** A DELETE says only which name. */
  delByName: sending((call) => aimedAt(call, {})),
  /** A DELETE says which object, but not in which state. */
  delNoRv: sending((call) =>
    call.method === 'deleteOutput' ? aimedAt(call, { uid: call.args[0].uid }) : call,
  ),
  /** What is wrong is reported before the output is withdrawn: its run does not see it. */
  reportFirst: (asked) =>
    answering(asked, (answer) => withoutOutputs(answer, (output) => isOwned(output, asked.names))),
  /** A move whose key is held leaves its old output in place, and waits. */
  noYield: (asked) =>
    asked.call.method === 'deleteOutput'
      ? { state: asked.state, answer: undefined, news: [], memory: asked.memory, isUnknown: true }
      : honestly(asked),
  /** A run does not know the pod labels that bindings name, like a version that is too old for them. */
  podLabelsNotRead: (asked) =>
    answering(asked, (answer) =>
      withBindings(answer, ({ spec: { podLabels: _labels, ...spec }, ...binding }) => ({ ...binding, spec })),
    ),
  /** Outputs are read before bindings. */
  rev: withOlderOutputs,
  /** An owner that no list shows is taken for gone. */
  unlistedIsGone: (asked) => {
    const isStranger = asked.call.method === 'getBinding' && !asked.names.includes(asked.call.args[1]);
    return isStranger ? { ...honestly(asked), answer: 'absent' } : honestly(asked);
  },
  /** Where overlaps are refused: bindings are listed by the account of their spec, and not by that of their claim. */
  accountsForgetClaims: listingNoneBy('status.claim.serviceAccountName'),
  /** Where overlaps are refused in a large account: bindings are not listed by the shapes of their keys. */
  shapesNotListed: listingNoneBy('status.keyShape'),
  /** Bindings are not listed by the key that they hold or ask for. */
  keysNotListed: listingNoneBy('status.keyDigest'),
  /** Claims under which an output may hold another key than their bindings say are not listed. */
  movesNotListed: listingNoneBy('status.claim.kind'),
  /** There, outputs are not listed by these shapes either. */
  shapesOfOutputsNotListed: (asked) => {
    const { call } = asked;
    const isMeant = call.method === 'listOutputs' && Object.hasOwn(call.args[0], outputLabels.keyShape);
    return isMeant ? answering(asked, (answer) => withoutOutputs(answer, () => true)) : honestly(asked);
  },
  /** Outputs without a label for their key are not listed. */
  unlabelledNotListed: (asked) =>
    answering(asked, (answer) =>
      withoutOutputs(answer, (output) => !output.metadata.labels?.['kleym.sonda.red/key']),
    ),
  /** An output that no list shows is not read by the name that its owner's claim says. */
  claimedNotRead: withoutClaimedOfOthers,
  /** Outputs of others are found by the labels for their keys alone. */
  neighboursNotRead: (asked) => {
    const { call, names } = asked;
    const isByBinding =
      call.method === 'listOutputs' && Object.hasOwn(call.args[0], outputLabels.bindingName);
    if (!isByBinding) return withoutClaimedOfOthers(asked);
    return answering(asked, (answer) => withoutOutputs(answer, (output) => !isOwned(output, names)));
  },
  /** A run believes what it read of pools first, whatever others have written since. */
  poolsReadOnce: (asked) => {
    if (asked.call.method !== 'getPool') return honestly(asked);
    const pools = (asked.memory['pools'] as ClusterState['pools'] | undefined) ?? asked.state.pools;
    const { answer } = serve({ ...asked.state, pools }, asked.call);
    return { ...honestly(asked), answer, memory: { ...asked.memory, pools } };
  },
  /** Before it looks at what the sweep has named, a run reads the binding, and takes its pool for the one that it has seen. */
  poolsNotCompared: checkingWithoutPools,
} satisfies Record<string, Tampering>;

// ------------------------------------------------------------------------------------------------ what a run is told

/** Lists of bindings by this field are empty. */
function listingNoneBy(path: BindingField): Tampering {
  return (asked) => {
    const { call } = asked;
    const fields = call.method === 'listBindings' ? [call.args[0].field ?? []].flat() : [];
    const isMeant = fields.at(-1)?.path === path;
    return isMeant ? answering(asked, (answer) => ({ ...(answer as object), items: [] })) : honestly(asked);
  };
}

function answering(asked: Asked, alter: (answer: unknown) => unknown): Served {
  const served = honestly(asked);
  return { ...served, answer: alter(served.answer) };
}

type Listing<T> = { readonly items: readonly T[] };

function isListing(answer: unknown): answer is Listing<Binding | Output> {
  return typeof answer === 'object' && answer !== null && 'items' in answer;
}

/** A binding or an output; pools have a spec too, but no run is lied to about them. */
function isObject(answer: unknown): answer is Binding | Output {
  if (typeof answer !== 'object' || answer === null || !('spec' in answer)) return false;
  const spec = answer.spec as object;
  return 'spiffeIDTemplate' in spec || 'serviceAccountName' in spec;
}

function isBinding(object: Binding | Output): object is Binding {
  return 'poolRef' in object.spec;
}

function withoutOutputs(answer: unknown, isHidden: (output: Output) => boolean): unknown {
  if (isListing(answer))
    return { ...answer, items: answer.items.filter((item) => isBinding(item) || !isHidden(item)) };
  return isObject(answer) && !isBinding(answer) && isHidden(answer) ? 'absent' : answer;
}

function isOwnedBy(output: Output | undefined, names: readonly string[]): boolean {
  return output !== undefined && isOwned(output, names);
}

function isOwned({ spec }: Output, names: readonly string[]): boolean {
  return names.some((name) => spec.hint === `${namespace}/${name}`);
}

/** No output of others is read by its name. */
function withoutClaimedOfOthers(asked: Asked): Served {
  const isOfOthers =
    asked.call.method === 'getOutput' && !isOwnedBy(asked.state.outputs[asked.call.args[0]], asked.names);
  return isOfOthers ? { ...honestly(asked), answer: 'absent' } : honestly(asked);
}

/** Shows each binding as `alter` has it, in lists and alone. */
function withBindings(answer: unknown, alter: (binding: Binding) => Binding): unknown {
  if (isListing(answer))
    return { ...answer, items: answer.items.map((item) => (isBinding(item) ? alter(item) : item)) };
  return isObject(answer) && isBinding(answer) ? alter(answer) : answer;
}

function withClaim(binding: Binding, claim: Claim | undefined): Binding {
  const { claim: _claim, ...status } = binding.status ?? {};
  return { ...binding, status: { ...status, ...(claim && { claim }) } };
}

interface Shown {
  readonly claim: Claim;
  readonly isOwn: boolean;
  /** The run has written this claim itself. */
  readonly isAnnounced: boolean;
}

function hidingClaims(isHidden: (shown: Shown) => boolean): Tampering {
  return (asked) => {
    const { call, names } = asked;
    const memory = call.method === 'replaceStatus' ? { announced: call.args[2].claim } : asked.memory;
    const announced = JSON.stringify(memory['announced']);
    const served = answering(asked, (answer) =>
      withBindings(answer, (binding) => {
        const claim = claimOf(binding);
        const isOwn = names.includes(binding.metadata.name);
        const isAnnounced = JSON.stringify(claim) === announced;
        return claim && isHidden({ claim, isOwn, isAnnounced }) ? withClaim(binding, undefined) : binding;
      }),
    );
    return { ...served, memory };
  };
}

/** The run sees neither claims nor outputs of others. */
function blindly(asked: Asked, tampering: Tampering): Served {
  const served = tampering(asked);
  const seen = withoutOutputs(served.answer, (output) => !isOwned(output, asked.names));
  const answer = withBindings(seen, (binding) =>
    asked.names.includes(binding.metadata.name) ? binding : withClaim(binding, undefined),
  );
  return { ...served, answer };
}

/** The announcement of a move is kept from the API server, and shown to the run that made it. */
function announcingToItself(asked: Asked): Served {
  const { state, call, memory } = asked;
  if (call.method === 'replaceStatus') {
    const [, aim, status] = call.args;
    const { claim, ...rest } = status;
    const isMove = claim?.kind === 'replacing';
    const sent: BindingStatus = isMove ? rest : status;
    const served = serve(state, { ...call, args: [namespace, aim, sent] });
    return { ...served, memory: isMove ? { claim, name: aim.name } : memory };
  }
  const own = memory as { readonly claim?: Claim; readonly name?: string };
  return answering(asked, (answer) =>
    withBindings(answer, (binding) =>
      own.claim && own.name === binding.metadata.name ? withClaim(binding, own.claim) : binding,
    ),
  );
}

/** Once it has announced a creation, the run is shown others as it saw them before it did. */
function withOldLook(asked: Asked): Served {
  const { state, call, memory, names } = asked;
  const served = honestly(asked);
  const { old, isAnnounced } = memory as { readonly old?: ClusterState; readonly isAnnounced?: true };
  if (call.method === 'replaceStatus') {
    const isAnnouncing = call.args[2].claim?.kind === 'creating';
    return { ...served, memory: isAnnouncing ? { ...memory, isAnnounced: true } : {} };
  }
  const isFirst = ['readBinding', 'listBindings'].includes(call.method);
  if (!isAnnounced) return { ...served, memory: isFirst ? { old: state } : memory };
  if (!old || !['listBindings', 'listOutputs', 'getPool'].includes(call.method)) return served;
  const own = Object.fromEntries(Object.entries(state.bindings).filter(([name]) => names.includes(name)));
  return { ...served, answer: serve({ ...old, bindings: { ...old.bindings, ...own } }, call).answer };
}

/** When a run begins to read bindings, its lists of outputs are taken; it gets them when it asks. */
function withOlderOutputs(asked: Asked): Served {
  const { state, call, memory } = asked;
  const served = honestly(asked);
  if (call.method === 'listOutputs' || call.method === 'getOutput') {
    const outputs = (memory['outputs'] as ClusterState['outputs'] | undefined) ?? state.outputs;
    return {
      ...served,
      answer: serve({ ...state, outputs }, call).answer,
      memory: { outputs, isRead: true },
    };
  }
  const isFirst = ['getBinding', 'readBinding', 'listBindings'].includes(call.method);
  if (isFirst && (memory['isRead'] || !memory['outputs']))
    return { ...served, memory: { outputs: state.outputs } };
  return served;
}

/** Only the check of what the sweep has named begins with a GET of the binding without the clock. */
function checkingWithoutPools(asked: Asked): Served {
  const { state, call, memory, names } = asked;
  const isCheck = memory['isCheck'] ?? call.method === 'getBinding';
  if (!isCheck || call.method !== 'getPool') {
    const goesOn = isCheck && ['getBinding', 'getObjective'].includes(call.method);
    return { ...honestly(asked), memory: { isCheck: goesOn } };
  }
  const seen = state.bindings[names[0] ?? '']?.status?.observed?.pool;
  const alter = (answer: unknown) =>
    seen && typeof answer === 'object' && answer !== null
      ? { ...answer, metadata: { ...(answer as Pool).metadata, generation: seen.generation } }
      : answer;
  return { ...answering(asked, alter), memory: { isCheck } };
}

// ------------------------------------------------------------------------------------------------ what a run sends

function sending(alter: (call: Call, asked: Asked) => Call): Tampering {
  return (asked) => honestly({ ...asked, call: alter(asked.call, asked) });
}

/** A DELETE with fewer preconditions. */
function aimedAt(call: Call, preconditions: { readonly uid?: string }): Call {
  if (call.method !== 'deleteOutput') return call;
  return {
    method: 'deleteOutput',
    args: [{ name: call.args[0].name, ...preconditions } as (typeof call.args)[0]],
  };
}

/** The same status, as if it had been announced long ago. */
function datedBack(call: Extract<Call, { method: 'replaceStatus' }>): Call {
  const [, aim, { claim, ...status }] = call.args;
  if (claim?.kind !== 'creating') return call;
  return {
    method: 'replaceStatus',
    args: [namespace, aim, { ...status, claim: { ...claim, at: '2000-01-01T00:00:00Z' } }],
  };
}

/** The same PUT, onto whatever is there now. */
function onto({ outputs }: ClusterState, call: Extract<Call, { method: 'replaceOutput' }>): Call {
  const [wanted] = call.args;
  const current = outputs[wanted.metadata.name];
  if (!current || !isOurs(current)) return call;
  const { uid, resourceVersion } = current.metadata;
  return {
    method: 'replaceOutput',
    args: [{ ...wanted, metadata: { ...wanted.metadata, uid, resourceVersion } }],
  };
}
