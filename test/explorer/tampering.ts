import { type Call, type ClusterState, type Effect, serve } from './model-cluster.ts';

/** What a tampered run carries from call to call. */
export type Memory = Readonly<Record<string, unknown>>;

export const noMemory: Memory = {};

/** One call of a run, and what it comes from. */
export interface Asked {
  readonly state: ClusterState;
  readonly call: Call;
  readonly memory: Memory;
  /** The bindings that the run was asked for. */
  readonly names: readonly string[];
}

export interface Served extends Effect {
  readonly memory: Memory;
  /** The run is not told what became of the call. */
  readonly isUnknown?: boolean;
  /** Calls that are sent once more, and arrive at any time. */
  readonly copies?: readonly Call[];
}

/** Takes one safeguard away from between a run and the API server, to prove that something is missed without it. */
export type Tampering = (asked: Asked) => Served;

export function serveWith(tampering: Tampering | undefined, asked: Asked): Served {
  return tampering ? tampering(asked) : honestly(asked);
}

export function honestly({ state, call, memory }: Asked): Served {
  return { ...serve(state, call), memory };
}
