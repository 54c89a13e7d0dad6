import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isDnsLabel } from './object-names.ts';
import { type OutputOwner, outputNamePrefix, toOutputName } from './output-name.ts';

const reference = 'kleym-reference-inference';
const production = 'inference-production-eu-west-1';

function owner(namespace: string, name: string, mode: OutputOwner['mode'], spiffeId: string): OutputOwner {
  return { namespace, name, mode, spiffeId };
}

describe("an output's name", () => {
  test.each([
    [
      'default',
      'pool-a',
      'PoolOnly',
      'spiffe://kleym.sonda.red/ns/default/pool/pool-a',
      'kleym-default-pool-a-pool-ede236a0',
    ],
    [
      'default',
      'pool-a',
      'PoolOnly',
      'spiffe://example.org/ns/default/pool/pool-a',
      'kleym-default-pool-a-pool-02767e7b',
    ],
    [
      'default',
      'binding-a',
      'PoolOnly',
      'spiffe://kleym.sonda.red/ns/default/pool/pool-a',
      'kleym-default-binding-a-pool-ede236a0',
    ],
    [
      'default',
      'binding-a',
      'PerObjective',
      'spiffe://kleym.sonda.red/ns/default/objective/objective-a',
      'kleym-default-binding-a-objective-3ace974d',
    ],
    [
      'default',
      'binding-b',
      'PerObjective',
      'spiffe://kleym.sonda.red/ns/default/objective/objective-b',
      'kleym-default-binding-b-objective-3cb8f9d1',
    ],
    [
      'default',
      'binding-a',
      'PerObjective',
      'spiffe://example.org/ns/default/objective/objective-a',
      'kleym-default-binding-a-objective-046c582e',
    ],
    [
      'default',
      'objective-a',
      'PerObjective',
      'spiffe://kleym.sonda.red/ns/default/objective/objective-a',
      'kleym-default-objective-a-objective-3ace974d',
    ],
    [
      reference,
      'binding',
      'PerObjective',
      `spiffe://kleym.sonda.red/ns/${reference}/objective/reference-objective`,
      'kleym-kleym-reference-inference-binding-objective-3b2d9110',
    ],
    [
      reference,
      'pool-binding',
      'PoolOnly',
      `spiffe://kleym.sonda.red/ns/${reference}/pool/reference-pool`,
      'kleym-kleym-reference-inference-pool-binding-pool-e2d8bd8d',
    ],
    ['team', 'a-b', 'PoolOnly', 'spiffe://example.org/ns/team/pool/p', 'kleym-team-a-b-pool-cb6f2e09'],
  ] as const)(
    'of %s/%s (%s, %s) is the one that the Go operator gives it [§1]',
    (namespace, name, mode, spiffeId, expected) => {
      expect(toOutputName(owner(namespace, name, mode, spiffeId))).toBe(expected);
    },
  );

  test.each([
    [
      'cutting',
      reference,
      'reference-objective-binding',
      'PerObjective',
      `spiffe://kleym.sonda.red/ns/${reference}/objective/reference-objective`,
      'kleym-kleym-referenc-objective-a70ed8b78b6ccace6a9e87e741e356ca',
    ],
    [
      'cutting',
      production,
      'llama-3-70b-instruct-binding-a',
      'PoolOnly',
      `spiffe://example.org/ns/${production}/pool/llama`,
      'kleym-inference-productio-pool-65bb0b94f29c32f457e001e562deac3e',
    ],
    [
      'cutting',
      production,
      'llama-3-70b-instruct-binding-b',
      'PoolOnly',
      `spiffe://example.org/ns/${production}/pool/llama`,
      'kleym-inference-productio-pool-ccdcbe22088e0b399506bb47a59aae35',
    ],
    [
      'sanitising',
      'team',
      'a.b',
      'PoolOnly',
      'spiffe://example.org/ns/team/pool/p',
      'kleym-team-a-b-pool-674f43fb6d894ca30000440ef876af23',
    ],
    [
      'sanitising',
      'team',
      'a--b',
      'PoolOnly',
      'spiffe://example.org/ns/team/pool/p',
      'kleym-team-a-b-pool-24a665f609cb992715c3f633b4c7cbc1',
    ],
  ] as const)(
    'that %s would make ambiguous has a long hash: %s/%s (%s, %s) [§1, G6b]',
    (_why, namespace, name, mode, spiffeId, expected) => {
      expect(toOutputName(owner(namespace, name, mode, spiffeId))).toBe(expected);
    },
  );

  test.each([
    ['PoolOnly', 43, 'pool'],
    ['PerObjective', 38, 'objective'],
  ] as const)(
    'is the Go operator’s up to the last character that fits (%s), and no further',
    (mode, room, text) => {
      const spiffeId = 'spiffe://example.org/ns/n/pool/p';
      const base = `n-${'b'.repeat(room - 2)}`;
      const longest = toOutputName(owner('n', base.slice(2), mode, spiffeId));
      const cut = toOutputName(owner('n', `${base.slice(2)}b`, mode, spiffeId));
      expect(longest).toMatch(new RegExp(`^kleym-${base}-${text}-[0-9a-f]{8}$`));
      expect(longest).toHaveLength(63);
      expect(cut).toMatch(new RegExp(`^kleym-n-b+-${text}-[0-9a-f]{32}$`));
      expect(cut).toHaveLength(63);
    },
  );

  test('differs in the mode, even for one SPIFFE ID', () => {
    const spiffeId = 'spiffe://example.org/ns/n/pool/p';
    expect(toOutputName(owner('n', 'b', 'PoolOnly', spiffeId))).not.toBe(
      toOutputName(owner('n', 'b', 'PerObjective', spiffeId)),
    );
  });

  test('has one hyphen before its mode where the cut falls behind another', () => {
    const name = toOutputName(owner('a'.repeat(18), 'b'.repeat(60), 'PoolOnly', 's'));
    expect(name).toMatch(/^kleym-a{18}-pool-[0-9a-f]{32}$/);
  });
});

/** Names that look alike: few letters, many dots and hyphens, and common beginnings that are longer than what is kept. */
const letters = fc
  .array(fc.constantFrom('a', 'b', '-', '.', '--', '-.-'), { maxLength: 8 })
  .map((parts) => parts.join(''));
const beginning = fc.constantFrom(
  '',
  'pool',
  'objective',
  'a-pool-ede236a0',
  'long-'.repeat(9),
  'long.'.repeat(30),
);
const objectName = fc
  .tuple(beginning, letters, fc.constantFrom('a', 'b', '0'))
  .map(([start, middle, end]) => `x${start}${middle}${end}`.replace(/[-.]*\.[-.]*/g, '.').slice(0, 253))
  .map((name) => name.replace(/[^a-z0-9]+$/, ''));
const namespaceName = fc
  .tuple(fc.constantFrom('a', 'b', 'a-b', 'kleym', 'n'.repeat(40)), letters)
  .map(([start, end]) => `${start}-${end.replaceAll('.', '-')}c`.slice(0, 63));
const anyOwner = fc
  .record({
    namespace: namespaceName,
    name: objectName,
    mode: fc.constantFrom('PoolOnly', 'PerObjective'),
    target: objectName,
  })
  .map(({ namespace, name, mode, target }) =>
    owner(
      namespace,
      name,
      mode,
      `spiffe://example.org/ns/${namespace}/${mode === 'PoolOnly' ? 'pool' : 'objective'}/${target}`,
    ),
  );

describe('for whatever bindings there are', () => {
  test('names are DNS labels with our prefix', () => {
    fc.assert(
      fc.property(anyOwner, (one) => {
        const name = toOutputName(one);
        expect(isDnsLabel(name)).toBe(true);
        expect(name.startsWith(outputNamePrefix)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('no two have the same name', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyOwner, { minLength: 2, maxLength: 30, selector: (one) => JSON.stringify(one) }),
        (owners) => {
          expect(new Set(owners.map(toOutputName)).size).toBe(owners.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('no two have the same name that differ only in what sanitising or cutting takes away', () => {
    const separators = fc.array(fc.constantFrom('-', '.', '--', '---'), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(separators, separators, fc.constantFrom('', 'b'.repeat(60)), (one, other, middle) => {
        fc.pre(one.join() !== other.join());
        const names = [one, other].map((between) =>
          toOutputName(
            owner(
              'team',
              `a${middle}${between.join('b')}c`,
              'PoolOnly',
              'spiffe://example.org/ns/team/pool/p',
            ),
          ),
        );
        expect(names[0]).not.toBe(names[1]);
      }),
      { numRuns: 300 },
    );
  });
});

test('what a Kubernetes name cannot be still makes a DNS label of it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (namespace, name) => {
      expect(isDnsLabel(toOutputName(owner(namespace, name, 'PoolOnly', 's')))).toBe(true);
    }),
  );
});
