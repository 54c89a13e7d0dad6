import { parseArgs } from 'node:util';
import { type Command, commands } from './commands.ts';
import { type Flag, type FlagName, type FlagValues, commonFlags, flags } from './flags.ts';

/** What may follow a command line that is not finished. */
export type Completion =
  | { readonly kind: 'words'; readonly words: readonly Candidate[] }
  | { readonly kind: 'files' }
  /** Names that only the cluster or the kubeconfig knows. */
  | { readonly kind: 'names'; readonly of: NameKind; readonly prefix: string; readonly flags: FlagValues };

type NameKind = 'binding' | 'pod' | 'namespace' | 'context';

/** A word, with what it is for. */
interface Candidate {
  readonly word: string;
  readonly about: string;
}

/** Completes the last word; the ones before it are finished. */
export function complete(args: readonly string[]): Completion {
  const [typed = '', ...rest] = args.toReversed();
  const before = rest.toReversed();
  const { words, values, open } = readBefore(before);
  if (open) return completeValue(open, typed, words, values);
  const command = findCommand(words);
  if (typed.startsWith('-')) return completeFlag(typed, command);
  if (!command) return completeWord(words, typed);
  const isOpen = words.length - command.words.length < command.operands.length;
  if (!isOpen) return { kind: 'words', words: [] };
  return { kind: 'names', of: command.words[1] === 'pod' ? 'pod' : 'binding', prefix: typed, flags: values };
}

interface Before {
  readonly words: readonly string[];
  readonly values: FlagValues;
  /** A flag whose value is what is typed now. */
  readonly open: FlagName | undefined;
}

function readBefore(args: readonly string[]): Before {
  const { tokens } = parseArgs({
    args: [...args],
    options: flags,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const words: string[] = [];
  const values: Record<string, unknown> = {};
  let open: FlagName | undefined;
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option' || !isFlag(token.name)) continue;
    const { type }: Flag = flags[token.name];
    if (type === 'boolean') values[token.name] = true;
    else if (token.value === undefined) open = token.name;
    else values[token.name] = token.value;
  }
  return { words, values, open };
}

function isFlag(name: string): name is FlagName {
  return Object.hasOwn(flags, name);
}

function findCommand(words: readonly string[]): Command | undefined {
  return Object.values<Command>(commands).find((command) =>
    command.words.every((word, index) => words[index] === word),
  );
}

function completeValue(
  name: FlagName,
  typed: string,
  words: readonly string[],
  values: FlagValues,
): Completion {
  const { values: choices = [] }: Flag = flags[name];
  const outputs = findCommand(words)?.outputs ?? [];
  switch (name) {
    case 'filename':
    case 'kubeconfig':
    case 'overlay':
      return { kind: 'files' };
    case 'namespace':
    case 'spire-namespace':
      return { kind: 'names', of: 'namespace', prefix: typed, flags: values };
    case 'context':
      return { kind: 'names', of: name, prefix: typed, flags: values };
    case 'output':
      return toWords(outputs.map(toCandidate), typed);
    default:
      return toWords(choices.map(toCandidate), typed);
  }
}

function toCandidate(word: string): Candidate {
  return { word, about: '' };
}

function completeFlag(typed: string, command: Command | undefined): Completion {
  const names = [...(command?.flags ?? []), ...commonFlags].filter((name) => name.length > 1);
  return toWords(
    names.map((name) => ({ word: `--${name}`, about: flags[name].about })),
    typed,
  );
}

function completeWord(words: readonly string[], typed: string): Completion {
  const following = Object.values<Command>(commands).flatMap((command) => {
    const isOn = words.every((word, index) => command.words[index] === word);
    const word = isOn ? command.words[words.length] : undefined;
    return word === undefined
      ? []
      : [{ word, about: command.words.length === words.length + 1 ? command.about : '' }];
  });
  return toWords([...new Map(following.map((candidate) => [candidate.word, candidate])).values()], typed);
}

function toWords(candidates: readonly Candidate[], typed: string): Completion {
  return { kind: 'words', words: candidates.filter(({ word }) => word.startsWith(typed)) };
}
