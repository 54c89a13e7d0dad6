import { parseArgs } from 'node:util';
import { type Command, type CommandName, commands } from './commands.ts';
import { type Flag, type FlagName, type FlagValues, commonFlags, flags } from './flags.ts';
import { helpFor, overview } from './help.ts';
import { toSuggestion } from '../../shared/text/suggest.ts';

/** What was asked for, a text to print instead, or in one line what is wrong with it. */
export type CommandLine =
  | Call
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'version' }
  | { readonly kind: 'invalid'; readonly message: string };

/** A command with what it was given. */
export interface Call {
  readonly kind: 'call';
  readonly name: CommandName;
  readonly operands: readonly string[];
  readonly flags: FlagValues;
}

type Token = NonNullable<ReturnType<typeof tokenize>>[number];
type OptionToken = Extract<Token, { kind: 'option' }>;

/** Something is wrong with the command line. */
class UsageError extends Error {}

/** Reads a command line. Flags may stand anywhere, as with kubectl. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  try {
    return read(tokenize(args));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { kind: 'invalid', message: error.message };
  }
}

// Not strict: its errors know nothing of commands, and suggest nothing.
function tokenize(args: readonly string[]) {
  return parseArgs({ args: [...args], options: flags, strict: false, allowPositionals: true, tokens: true })
    .tokens;
}

function read(tokens: readonly Token[]): CommandLine {
  const words = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
  const given = tokens
    .filter((token) => token.kind === 'option')
    .map((token) => [token, toName(token)] as const);
  const isAsked = (name: FlagName) => given.some(([, one]) => one === name);
  if (words[0] === 'help') return { kind: 'print', text: toHelp(words.slice(1)) };
  if (isAsked('help')) return { kind: 'print', text: toHelp(words) };
  if (isAsked('version')) return { kind: 'version' };
  if (words.length === 0) throw new UsageError('no command was given; --help lists them');

  const name = findCommand(words);
  const command: Command = commands[name];
  const values: Record<string, string | boolean | readonly string[]> = {};
  for (const [token, flag] of given) {
    if (![...command.flags, ...commonFlags].includes(flag)) throw toUnknown(token, command);
    const { multiple = false }: Flag = flags[flag];
    const value = toValue(token, flag);
    const before = values[flag];
    values[flag] = multiple ? [...(Array.isArray(before) ? before : []), String(value)] : value;
  }
  const operands = words.slice(command.words.length);
  checkOperands(command, operands);
  checkOutput(command, values['output']);
  return { kind: 'call', name, operands, flags: values };
}

function toHelp(words: readonly string[]): string {
  if (words.length === 0) return overview();
  const group = Object.values<Command>(commands).filter(({ words: own }) => own[0] === words[0]);
  if (words.length === 1 && group.length > 0) return group.map(helpFor).join('\n');
  return helpFor(commands[findCommand(words)]);
}

/** The command that the words begin with. */
function findCommand(words: readonly string[]): CommandName {
  const entries = Object.entries(commands) as [CommandName, Command][];
  const found = entries.find(([, command]) => command.words.every((word, index) => words[index] === word));
  if (found) return found[0];
  const [first = '', second] = words;
  const group = entries.map(([, command]) => command).filter(({ words: own }) => own[0] === first);
  const seconds = group.flatMap(({ words: own }) => own[1] ?? []);
  if (group.length > 0) {
    if (second === undefined) throw new UsageError(`${first} needs one of: ${seconds.join(', ')}`);
    throw new UsageError(
      `there is no command "${first} ${second}"${toSuggestion(second, seconds, `${first} `) || `; ${first} knows ${seconds.join(', ')}`}`,
    );
  }
  const firsts = [...new Set(entries.flatMap(([, command]) => command.words[0] ?? []))];
  throw new UsageError(
    `there is no command "${first}"${toSuggestion(first, firsts) || '; --help lists them'}`,
  );
}

function toName(token: OptionToken): FlagName {
  if (Object.hasOwn(flags, token.name)) return token.name as FlagName;
  const { rawName } = token;
  const known = Object.keys(flags).filter((name) => name.length > 1);
  const words = rawName.startsWith('--') ? toSuggestion(token.name, known, '--') : '';
  throw new UsageError(`there is no flag ${rawName}${words || '; --help lists them'}`);
}

function toUnknown({ rawName, name }: OptionToken, command: Command): UsageError {
  const title = command.words.join(' ');
  const own = command.flags.filter((flag) => flag !== name);
  return new UsageError(
    `${title} does not know ${rawName}${toSuggestion(name, own, '--') || `; "${title} --help" lists its flags`}`,
  );
}

function toValue(token: OptionToken, name: FlagName): string | boolean {
  const flag: Flag = flags[name];
  const { rawName, inlineValue } = token;
  // `-o=json`, as kubectl takes it.
  const value = inlineValue && !rawName.startsWith('--') ? token.value.replace(/^=/, '') : token.value;
  if (flag.type === 'boolean') {
    if (value === undefined || value === 'true') return true;
    if (value === 'false') return false;
    throw new UsageError(`${rawName} is either there or not; it was given the value "${value}"`);
  }
  if (value === undefined || (!inlineValue && /^-./.test(value)))
    throw new UsageError(
      `${rawName} needs a value, ${flag.value ?? 'VALUE'}${value === undefined ? '' : `; what follows is ${value}`}`,
    );
  if (flag.values && !flag.values.includes(value))
    throw new UsageError(`${rawName} is "${value}": expected one of ${flag.values.join(', ')}`);
  return value;
}

function checkOperands({ words, operands }: Command, given: readonly string[]): void {
  if (given.length === operands.length) return;
  const title = words.join(' ');
  const missing = operands[given.length];
  if (missing !== undefined)
    throw new UsageError(`${title} needs ${missing}; "${title} --help" has examples`);
  throw new UsageError(`${title} does not know what to do with "${given[operands.length]}"`);
}

function checkOutput({ outputs, words }: Command, output: unknown): void {
  if (typeof output !== 'string' || outputs.includes(output)) return;
  throw new UsageError(
    `${words.join(' ')} has no output "${output}": expected one of ${outputs.join(', ')}${toSuggestion(output, outputs)}`,
  );
}
