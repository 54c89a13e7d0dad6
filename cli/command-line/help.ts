import { type Command, commands } from './commands.ts';
import { type Flag, type FlagName, commonFlags, connectionFlags, flags } from './flags.ts';

const width = 100;

/** What all commands are for. */
export function overview(): string {
  const rows = Object.values<Command>(commands).map(({ words, operands, about }) => [
    [...words, ...operands].join(' '),
    about,
  ]);
  return [
    'kubectl kleym says which SPIFFE identity a workload gets from kleym, and why not.',
    '',
    'Usage: kubectl kleym COMMAND [flags]',
    '',
    ...toColumns(rows),
    '',
    '"kubectl kleym COMMAND --help" has the flags of a command, with examples.',
    '',
    'It ends with 0 where all is well, 2 where something was found, 3 where what was asked for is not there,',
    '4 where the command line, the connection or a permission is wrong, and 5 where this program is.',
    '',
  ].join('\n');
}

/** How one command is used. */
export function helpFor({ words, operands, about, details, flags: own, outputs, examples }: Command): string {
  const isConnected = connectionFlags.every((name) => own.includes(name));
  const special = own.filter((name) => !connectionFlags.some((one) => one === name));
  return [
    `kubectl kleym ${[...words, ...operands].join(' ')}: ${about}`,
    '',
    details,
    '',
    'Examples:',
    ...examples.map(([command, why]) => `  # ${why}\n  ${command}`),
    '',
    'Flags:',
    ...toColumns(special.map((name) => toRow(name, outputs))),
    ...(isConnected
      ? ['', 'Which cluster, and as whom:', ...toColumns(connectionFlags.map((name) => toRow(name)))]
      : []),
    '',
    'Always:',
    ...toColumns(commonFlags.map((name) => toRow(name))),
    '',
  ].join('\n');
}

function toRow(name: FlagName, outputs: readonly string[] = []): [string, string] {
  const { short, value, about, values }: Flag = flags[name];
  // `-v` has no long form.
  const names = [...(short === undefined ? [] : [`-${short}`]), ...(name === short ? [] : [`--${name}`])];
  const choices = name === 'output' ? outputs : (values ?? []);
  const said = choices.length === 0 ? about : `${about}: ${choices.join(', ')}`;
  return [`${names.join(', ')}${value === undefined ? '' : ` ${value}`}`, said];
}

function toColumns(rows: readonly (readonly string[])[]): string[] {
  const left = Math.max(...rows.map(([name = '']) => name.length));
  return rows.flatMap(([name = '', about = '']) =>
    wrap(about, width - left - 4).map((line, index) =>
      `  ${(index === 0 ? name : '').padEnd(left)}  ${line}`.trimEnd(),
    ),
  );
}

function wrap(text: string, room: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}
