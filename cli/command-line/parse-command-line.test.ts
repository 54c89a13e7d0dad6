import { describe, expect, test } from 'vitest';
import { parseCommandLine } from './parse-command-line.ts';

function parse(line: string) {
  return parseCommandLine(line.split(' ').filter(Boolean));
}

describe('a command is found by its words, and flags may stand anywhere', () => {
  test.each([
    ['inspect binding chat -n team-a -o json'],
    ['-n team-a inspect binding -o=json chat'],
    ['inspect --namespace=team-a binding chat --output json'],
    ['inspect binding -nteam-a -ojson -- chat'],
  ])('%s', (line) => {
    expect(parse(line)).toEqual({
      kind: 'call',
      name: 'inspect binding',
      operands: ['chat'],
      flags: { namespace: 'team-a', output: 'json' },
    });
  });

  test('a flag that may be repeated keeps all of its values', () => {
    expect(parse('status --as alice --as-group a --as-group=b')).toMatchObject({
      flags: { as: 'alice', 'as-group': ['a', 'b'] },
    });
  });

  test('a switch may be given as kubectl takes it', () => {
    expect(parse('status -A --strict=true')).toMatchObject({
      flags: { 'all-namespaces': true, strict: true },
    });
    expect(parse('status --strict=false')).toMatchObject({ flags: { strict: false } });
  });
});

describe('what is wrong is said in one line, with what was meant', () => {
  test.each([
    ['', 'no command was given; --help lists them'],
    ['statsu', 'there is no command "statsu"; did you mean status?'],
    ['remove', 'there is no command "remove"; --help lists them'],
    ['inspect', 'inspect needs one of: binding'],
    ['inspect bindign chat', 'there is no command "inspect bindign"; did you mean inspect binding?'],
    ['inspect pool chat', 'there is no command "inspect pool"; inspect knows binding'],
    ['inspect binding', 'inspect binding needs NAME; "inspect binding --help" has examples'],
    ['inspect binding a b', 'inspect binding does not know what to do with "b"'],
    ['status --namespce team-a', 'there is no flag --namespce; did you mean --namespace?'],
    ['status -x', 'there is no flag -x; --help lists them'],
    ['status -f x', 'status does not know -f; "status --help" lists its flags'],
    ['status -n', '-n needs a value, NAME'],
    ['status -n -o json', '-n needs a value, NAME; what follows is -o'],
    ['status --strict=maybe', '--strict is either there or not; it was given the value "maybe"'],
    ['status -o yaml', 'status has no output "yaml": expected one of text, json'],
    [
      'inspect binding a --overlap-policy=refues',
      '--overlap-policy is "refues": expected one of report, refuse',
    ],
  ])('%s', (line, message) => {
    expect(parse(line)).toEqual({ kind: 'invalid', message });
  });
});

describe('help', () => {
  test.each(['--help', '-h', 'help'])('%s lists the commands', (line) => {
    expect(parse(line)).toMatchObject({ text: expect.stringMatching(/status .*\n.*inspect binding NAME/) });
  });

  test.each(['inspect binding --help', 'inspect binding chat -h', 'help inspect binding', 'inspect -h'])(
    '%s has the examples of one',
    (line) => {
      expect(parse(line)).toMatchObject({
        text: expect.stringContaining('  # one binding\n  kubectl kleym inspect binding chat -n team-a\n'),
      });
    },
  );

  test('the version is asked for by a flag', () => {
    expect(parse('--version')).toEqual({ kind: 'version' });
  });
});
