import { describe, expect, test } from 'vitest';
import { type Options, parseOptions } from './options.ts';

function start(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Options {
  const parsed = parseOptions(args, environment);
  if (parsed.kind !== 'start') throw new Error(JSON.stringify(parsed));
  return parsed.options;
}

const variables = { KLEYM_TRUST_DOMAIN: 'env.example.org', KLEYM_CLUSTERSPIFFEID_CLASS_NAME: 'env-class' };
const real = ['--kubeconfig', 'file'];

describe('npm start', () => {
  test('alone is a cluster of its own, with the trust domain of the documentation', () => {
    expect(start([])).toMatchObject({
      cluster: { kind: 'embedded', dataFolder: undefined, examples: true, apply: undefined },
      settings: {
        trustDomain: 'kleym.sonda.red',
        className: undefined,
        namespaceSelector: true,
        overlapPolicy: 'report',
      },
      sweepSeconds: undefined,
      port: 8090,
    });
  });

  test('takes a real cluster, and another than its current context', () => {
    expect(start([...real, '--context', 'other', '--trust-domain', 'example.org']).cluster).toEqual({
      kind: 'real',
      file: 'file',
      context: 'other',
      planOnly: false,
    });
    expect(start([...real, '--plan', '--trust-domain', 'example.org']).cluster).toMatchObject({
      planOnly: true,
    });
  });

  test('takes a folder, a port and a rhythm', () => {
    expect(start(['--data', 'folder', '--port', '0', '--sweep', '10'])).toMatchObject({
      cluster: { kind: 'embedded', dataFolder: 'folder' },
      port: 0,
      sweepSeconds: 10,
    });
  });

  test('takes manifests, and leaves out the examples', () => {
    expect(start(['--apply', 'folder', '--no-examples'])).toMatchObject({
      cluster: { kind: 'embedded', examples: false, apply: 'folder' },
    });
  });

  test.each(['--help', '-h'])('explains itself with %s', (flag) => {
    expect(parseOptions([flag], {})).toMatchObject({
      kind: 'help',
      text: expect.stringContaining('--trust-domain NAME'),
    });
  });

  test('says its version', () => {
    expect(parseOptions(['--version'], {})).toEqual({
      kind: 'help',
      text: expect.stringMatching(/^kleym \d+\.\d+\.\d+\n$/),
    });
  });
});

describe('the trust domain and the class name', () => {
  test('are those of the environment where no flag says otherwise', () => {
    expect(start(real, variables).settings).toMatchObject({
      trustDomain: 'env.example.org',
      className: 'env-class',
    });
    expect(start([], variables).settings).toMatchObject({
      trustDomain: 'env.example.org',
      className: 'env-class',
    });
  });

  test('are those of the flags where they are given', () => {
    const flags = ['--trust-domain', 'flag.example.org', '--class-name', 'flag-class'];
    expect(start([...real, ...flags], variables).settings).toMatchObject({
      trustDomain: 'flag.example.org',
      className: 'flag-class',
    });
  });

  test('an empty class name is none, whatever the environment says', () => {
    expect(start([...real, '--class-name', ''], variables).settings.className).toBeUndefined();
  });

  test.each([
    ['an empty flag and a variable', ['--trust-domain', ''], variables],
    ['nothing, on a real cluster', [], {}],
    ['an empty variable, on a real cluster', [], { KLEYM_TRUST_DOMAIN: '' }],
  ])('a missing trust domain keeps it from starting: %s', (_case, args, environment) => {
    expect(parseOptions([...real, ...args], environment)).toEqual({
      kind: 'invalid',
      message:
        '--trust-domain is not set: expected the trust domain of your SPIRE server, such as example.org',
    });
  });

  test.each([
    [' example.org', 'O5'],
    ['spiffe://example.org', 'O5'],
    ['example.org/ns', 'O5'],
    ['Example.ORG', 'X-O6, G8'],
    ['a b', 'X-O6, G8'],
    ['{{x}}', 'X-O6, G8'],
    ['a'.repeat(300), 'X-O6, G8'],
  ])('the trust domain %j is refused, by the name of what set it [%s]', (trustDomain) => {
    const byFlag = parseOptions([...real, '--trust-domain', trustDomain], {});
    expect(byFlag).toMatchObject({ kind: 'invalid', message: expect.stringContaining('--trust-domain') });
    const byVariable = parseOptions(real, { KLEYM_TRUST_DOMAIN: trustDomain });
    expect(byVariable).toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('KLEYM_TRUST_DOMAIN'),
    });
  });

  test.each([' kleym', 'a/b', '-kleym', 'k'.repeat(64)])('the class name %j is refused', (className) => {
    expect(parseOptions(['--class-name', className], {})).toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('--class-name'),
    });
  });
});

describe('options that cannot be meant are refused in one line', () => {
  test.each([
    [['--port', 'http'], '--port is "http": expected a whole number from 0 to 65533'],
    [['--port', '65534'], '--port is "65534": expected a whole number from 0 to 65533'],
    [['--port', '-1'], 'argument is ambiguous'],
    [['--sweep', '0'], '--sweep is "0": expected whole seconds, from 1 to 86400'],
    [['--sweep', '5m'], '--sweep is "5m": expected whole seconds, from 1 to 86400'],
    [['--context', 'x'], '--context chooses from a kubeconfig: name it with --kubeconfig'],
    [[...real, '--data', 'x'], '--data keeps the cluster in this process: leave out --data or --kubeconfig'],
    [
      [...real, '--apply', 'x'],
      '--apply is for the cluster in this process: on a real one use kubectl apply',
    ],
    [['--plan'], '--plan is for a real cluster: name it with --kubeconfig'],
    [['--data', ''], '--data is "": expected a folder'],
    [['--apply', ''], '--apply is "": expected a file or folder'],
    [['--kubeconfig', ''], '--kubeconfig is "": expected a file'],
    [[...real, '--context', ''], '--context is "": expected a name of a context'],
    [['--unknown'], "Unknown option '--unknown'; --help lists all"],
    [['--prot', '1'], "Unknown option '--prot'; did you mean --port?"],
    [['word'], "Unexpected argument 'word'"],
  ])('%j', (args, message) => {
    expect(parseOptions(args, {})).toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining(message),
    });
  });

  test.each(['KLEYM_OVERLAP_POLICY', 'KLEYM_NAMESPACE_SELECTOR', 'LOG_LEVEL'])(
    '%s in the environment',
    (name) => {
      expect(parseOptions([], { [name]: 'perhaps' })).toMatchObject({
        kind: 'invalid',
        message: expect.stringContaining(`${name} is "perhaps"`),
      });
    },
  );
});
