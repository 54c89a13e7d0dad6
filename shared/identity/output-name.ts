import type { Mode } from '../api/binding.ts';
import { toDigest, toLegacyDigest } from './digest.ts';

const maxLength = 63;

/** By this prefix our outputs are told from those of others. */
export const outputNamePrefix = 'kleym-';

/** Whose output it is: all that its name is made of. */
export interface OutputOwner {
  readonly namespace: string;
  readonly name: string;
  readonly mode: Mode;
  readonly spiffeId: string;
}

/**
 * The name of a binding's output. It is the Go operator's name wherever that one is unambiguous, so that a cluster
 * changes over without an identity being recreated; where sanitising or cutting would let two bindings meet, a
 * hash over everything keeps them apart. What is left is what the Go operator's names leave: `a` with `b-c` and
 * `a-b` with `c` are told apart by 32 bits of hash, and whoever comes second is refused (`OutputNameTaken`).
 */
export function toOutputName(owner: OutputOwner): string {
  const mode = owner.mode === 'PerObjective' ? 'objective' : 'pool';
  const raw = toRawStart(owner);
  const base = sanitize(raw);
  const short = `${base}-${mode}-${toLegacyDigest(owner.spiffeId)}`;
  if (base === raw && short.length <= maxLength) return short;

  const hash = toDigest(JSON.stringify([owner.namespace, owner.name, mode, owner.spiffeId]));
  const room = maxLength - mode.length - hash.length - 2;
  return `${base.slice(0, room).replace(/-+$/, '')}-${mode}-${hash}`;
}

/** Whether an output of this binding may have this name, in the form that most have: nothing cut, nothing replaced. */
export function isPlainOutputName(
  text: string,
  { namespace, name }: Pick<OutputOwner, 'namespace' | 'name'>,
): boolean {
  const raw = toRawStart({ namespace, name });
  return sanitize(raw) === raw && (text.startsWith(`${raw}-objective-`) || text.startsWith(`${raw}-pool-`));
}

function toRawStart({ namespace, name }: Pick<OutputOwner, 'namespace' | 'name'>): string {
  return `${outputNamePrefix}${namespace}-${name}`;
}

function sanitize(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}
