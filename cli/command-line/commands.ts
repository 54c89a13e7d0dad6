import { type FlagName, connectionFlags, settingsFlags } from './flags.ts';

/** A command: how it is called, and what it is for. */
export interface Command {
  /** The words that call it. */
  readonly words: readonly string[];
  /** What must follow the words. */
  readonly operands: readonly string[];
  readonly about: string;
  /** What its help text says beside the flags. */
  readonly details: string;
  readonly flags: readonly FlagName[];
  readonly outputs: readonly string[];
  /** What to type, and what it is good for. */
  readonly examples: readonly (readonly [command: string, why: string])[];
}

/** The commands, in the order of the help text. */
export const commands = {
  status: {
    words: ['status'],
    operands: [],
    about: 'every binding by state, failures first, and how the installation is set up',
    details: 'Reads all namespaces, or with -n one. Where only one may be read, it is that of the context.',
    flags: ['namespace', 'all-namespaces', 'selector', 'output', 'strict', ...connectionFlags],
    outputs: ['text', 'json'],
    examples: [
      ['kubectl kleym status', 'the whole cluster'],
      ['kubectl kleym status -n team-a', 'one namespace'],
      ['kubectl kleym status -o json --strict', 'for a script: ends with 2 where a binding is not ready'],
    ],
  },
  'inspect binding': {
    words: ['inspect', 'binding'],
    operands: ['NAME'],
    about: 'all about one binding: references, selectors, SPIFFE ID, output, claim, peers, pods, next step',
    details:
      'The report compares what the cluster holds with what kleym would write. That a pod matches says nothing\n' +
      'about what SPIRE does with it.',
    flags: ['namespace', 'output', 'strict', ...settingsFlags, ...connectionFlags],
    outputs: ['text', 'json'],
    examples: [
      ['kubectl kleym inspect binding chat -n team-a', 'one binding'],
      ['kubectl kleym inspect binding chat -n team-a -o json', 'the same for a script'],
    ],
  },
  'why pod': {
    words: ['why', 'pod'],
    operands: ['NAME'],
    about: 'which identities the containers of a pod match, which they nearly match, and what to change',
    details:
      'Holds every selector of every binding of the namespace against every container, the nearest miss first.\n' +
      'Ends with 2 where no container matches a binding.',
    flags: ['namespace', 'container', 'output', 'spire-namespace', ...settingsFlags, ...connectionFlags],
    outputs: ['text', 'json'],
    examples: [
      ['kubectl kleym why pod chat-0 -n team-a', 'why does this pod have no identity?'],
      ['kubectl kleym why pod chat-0 -n team-a -c chat', 'only one of its containers'],
    ],
  },
  'why binding': {
    words: ['why', 'binding'],
    operands: ['NAME'],
    about: 'which pods and containers match a binding, and why the others of its pool do not',
    details: 'Ends with 2 where nobody matches it.',
    flags: ['namespace', 'output', 'spire-namespace', ...settingsFlags, ...connectionFlags],
    outputs: ['text', 'json'],
    examples: [['kubectl kleym why binding chat -n team-a', 'who gets this identity?']],
  },
  render: {
    words: ['render'],
    operands: [],
    about: 'offline: the ClusterSPIFFEIDs that manifests compile to',
    details:
      'Asks no cluster. What keeps a binding from having one is told on stderr, and ends the command with 2.',
    flags: ['filename', 'recursive', 'namespace', 'output', 'strict', ...settingsFlags],
    outputs: ['yaml', 'json'],
    examples: [
      ['kubectl kleym render -f manifests/ --trust-domain example.org', 'a folder'],
      [
        'kubectl kustomize overlay | kubectl kleym render -f - --trust-domain example.org',
        'what kustomize makes',
      ],
    ],
  },
  check: {
    words: ['check'],
    operands: [],
    about: 'offline, for CI: what is wrong with manifests, with file and line',
    details:
      'Judges manifests as the API server would, then references among them, selectors, identities, collisions and\n' +
      'overlaps. Manifests of other kinds are left alone. Ends with 2 where there is an error. Asks no cluster,\n' +
      'unless it is told to.',
    flags: [
      'filename',
      'recursive',
      'against-cluster',
      'namespace',
      'output',
      'strict',
      ...settingsFlags,
      ...connectionFlags,
    ],
    outputs: ['text', 'json', 'sarif', 'github'],
    examples: [
      ['kubectl kleym check -f manifests/ -R', 'a folder, with those in it'],
      ['kubectl kustomize overlay | kubectl kleym check -f -', 'what kustomize makes'],
      ['kubectl kleym check -f manifests/ -o github --strict', 'in a workflow of GitHub'],
    ],
  },
  diff: {
    words: ['diff'],
    operands: [],
    about: 'against a cluster: what manifests would do to its identities; who loses one, first',
    details:
      'Writes nothing. Compares how every binding of the namespaces stands before and after, with those that the\n' +
      'files do not name. Ends with 2 where something changes.',
    flags: ['filename', 'recursive', 'namespace', 'output', ...settingsFlags, ...connectionFlags],
    outputs: ['text', 'json'],
    examples: [
      ['kubectl kleym diff -f manifests/', 'before they are applied'],
      ['kubectl kustomize overlay | kubectl kleym diff -f -', 'what kustomize makes'],
    ],
  },
  doctor: {
    words: ['doctor'],
    operands: [],
    about: 'is the installation well? What is not, with what to do',
    details:
      'Looks at definitions, functions, sources, Triggers, settings, policies, SPIRE Controller Manager and bindings.\n' +
      'Ends with 2 where something is wrong. What may not be read is said, and is no fault. With --overlay it looks\n' +
      'at what would be installed, and asks no cluster; kubectl builds a folder.',
    flags: ['overlay', 'trial', 'spire-namespace', 'output', 'strict', ...connectionFlags],
    outputs: ['text', 'json'],
    examples: [
      ['kubectl kleym doctor --overlay overlays/production', 'before an installation'],
      ['kubectl kleym doctor', 'after an installation, and when something is strange'],
      ['kubectl kleym doctor --trial', 'does a binding get through? Writes, and cleans up'],
      ['kubectl kleym doctor --spire-namespace my-spire', 'where SPIRE is in a namespace of another name'],
    ],
  },
  graph: {
    words: ['graph'],
    operands: [],
    about: 'pools, objectives, bindings and identities as a picture',
    details: 'Draws the namespace of the context, another with -n, or with -A all of them.',
    flags: ['namespace', 'all-namespaces', 'output', ...settingsFlags, ...connectionFlags],
    outputs: ['text', 'mermaid', 'dot', 'svg'],
    examples: [
      ['kubectl kleym graph -n team-a', 'as a tree'],
      ['kubectl kleym graph -n team-a -o mermaid', 'for a document on GitHub'],
      ['kubectl kleym graph -A -o svg > identities.svg', 'as a picture'],
    ],
  },
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof commands;
