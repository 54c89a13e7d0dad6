import { beforeAll, describe, expect, test } from 'vitest';
import {
  admissionCases,
  claimCases,
  readRefusals,
  toAdmissionRequest,
  toClaimRequest,
} from '../../../test/admission-cases.ts';
import type { Answer } from './api.ts';
import {
  type Definition,
  type Place,
  type Subject,
  bindingOf,
  causesOf,
  definitionsPath,
  made,
  newName,
  newPlace,
  outputOf,
  outputsPath,
  untilServed,
} from './subject.ts';

/** What the server fills in, takes away and refuses, by a definition's schema. */
export function describeValidation(subject: () => Subject): void {
  describe('defaults and unknown fields', () => {
    describeFields(subject);
  });
  describe('bindings', () => {
    describeBindings(subject);
  });
  describe('every rule that a definition of ours uses', () => {
    describeRules(subject);
  });
}

function describeFields(subject: () => Subject): void {
  test('a default is filled in when it is written', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { mode: _mode, ...spec } = bindingOf(
      'a',
      {},
      { objectiveRef: { name: 'o' }, containerName: 'main' },
    ).spec;
    const stored = await made(api, bindings, { ...bindingOf('a'), spec });
    expect(stored['spec']).toEqual({ ...spec, mode: 'PerObjective' });
  });

  test('null stands for what is not there', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const stored = await made(api, bindings, bindingOf('a', {}, { objectiveRef: null, containerName: null }));
    expect(stored['spec']).toEqual(bindingOf('a').spec);
  });

  const surplus = { surplus: 1, poolRef: { name: 'pool-a', extra: true } };

  test('unknown fields are taken away, and a warning says so', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { status, headers, body } = await api.post(bindings, bindingOf('a', {}, surplus));
    expect([status, body['spec']]).toEqual([201, bindingOf('a').spec]);
    expect(headers['warning']).toContain('299 - "unknown field \\"spec.surplus\\""');
    expect(headers['warning']).toContain('299 - "unknown field \\"spec.poolRef.extra\\""');
  });

  test('unknown fields are taken away in silence where that is asked for', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { status, headers } = await api.post(bindings, bindingOf('a', {}, surplus), {
      fieldValidation: 'Ignore',
    });
    expect([status, headers['warning']]).toEqual([201, undefined]);
  });

  test('unknown fields are refused where that is asked for', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const stored = await made(api, bindings, bindingOf('a'));
    const strict = { fieldValidation: 'Strict' };
    const created = await api.post(bindings, bindingOf('b', {}, { surplus: 1 }), strict);
    const replaced = await api.put(
      `${bindings}/a`,
      { ...stored, spec: { ...(stored['spec'] as object), surplus: 1 } },
      strict,
    );
    const status = await api.put(`${bindings}/a/status`, { ...stored, status: { surplus: 1 } }, strict);
    const patched = await api.patch(`${bindings}/a`, 'merge', { spec: { surplus: 1 } }, strict);
    const kind = 'InferenceIdentityBinding';
    const says = `${kind} in version "v1alpha1" cannot be handled as a ${kind}: strict decoding error: unknown field`;
    expect([created, replaced, status].map((answer) => [answer.status, answer.body.message])).toEqual([
      [400, `${says} "spec.surplus"`],
      [400, `${says} "spec.surplus"`],
      [400, `${says} "status.surplus"`],
    ]);
    expect(patched.status).toBe(422);
    expect(patched.body.message).toContain('strict decoding error: unknown field "spec.surplus"');
  });

  test('a status without the field that a claim is kept in is refused where that is asked for', async () => {
    const { api } = subject();
    const name = newName('output');
    const stored = await made(api, outputsPath, outputOf(name));
    const { status } = await api.put(
      `${outputsPath}/${name}/status`,
      { ...stored, status: { claim: {} } },
      { fieldValidation: 'Strict' },
    );
    expect(status).toBe(400);
  });
}

function describeBindings(subject: () => Subject): void {
  let place: Place;
  beforeAll(async () => {
    place = await newPlace(subject().api);
    await made(subject().api, place.bindings, bindingOf('claimed'));
  });

  test.each(admissionCases().map((one) => [one.title, one] as const))('%s', async (_title, one) => {
    const { path, body } = toAdmissionRequest(
      { ...one, name: `new-${one.name}`.slice(0, 253) },
      place.namespace,
    );
    const answer = await subject().api.send('POST', path, { body });
    expect([answer.status, byField(readRefusals(answer.body))]).toEqual([
      one.refusals.length === 0 ? 201 : 422,
      byField(one.refusals),
    ]);
  });

  test.each(claimCases().map((one) => [one.title, one] as const))('%s', async (_title, one) => {
    const { path, body } = toClaimRequest(one, place.namespace, 'claimed');
    const answer = await subject().api.send('PATCH', path, { body, type: 'application/merge-patch+json' });
    expect([answer.status, readRefusals(answer.body)]).toEqual([
      one.refusals.length === 0 ? 200 : 422,
      one.refusals,
    ]);
  });
}

function byField(refusals: readonly { readonly field: string; readonly message: string }[]) {
  return refusals.toSorted((a, b) => `${a.field}${a.message}`.localeCompare(`${b.field}${b.message}`));
}

const ruled = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['needed'],
      properties: {
        needed: { type: 'string' },
        choice: { type: 'string', maxLength: 10, enum: ['One', 'Two'] },
        letters: { type: 'string', pattern: '^[a-z]+$', minLength: 2, maxLength: 4 },
        count: { type: 'integer', minimum: 1, maximum: 5 },
        when: { type: 'string', format: 'date-time' },
        flag: { type: 'boolean' },
        names: {
          type: 'array',
          items: { type: 'string', maxLength: 10 },
          maxItems: 2,
          'x-kubernetes-list-type': 'set',
        },
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['port'],
          items: {
            type: 'object',
            required: ['port'],
            properties: { port: { type: 'integer' }, label: { type: 'string' } },
          },
        },
        labels: { type: 'object', additionalProperties: { type: 'string', maxLength: 3 }, maxProperties: 2 },
        fixed: {
          type: 'string',
          maxLength: 10,
          'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'fixed cannot change' }],
        },
        low: { type: 'integer' },
        high: { type: 'integer' },
      },
      'x-kubernetes-validations': [
        {
          rule: '!has(self.low) || !has(self.high) || self.low <= self.high',
          message: 'low must not be above high',
        },
        {
          rule: '!has(self.low) || self.low != 13',
          messageExpression: "self.low == 13 ? 'low must not be 13' : ''",
          fieldPath: '.low',
        },
        {
          rule: "!has(self.names) || self.names.all(name, name.startsWith('n'))",
          message: 'names start with n',
          reason: 'FieldValueForbidden',
        },
      ],
    },
  },
};

const ruleCases: [title: string, spec: object, causes: string[]][] = [
  ['what is required', {}, ['spec.needed: Required value']],
  [
    'a choice',
    { choice: 'Three' },
    ['spec.choice: Unsupported value: "Three": supported values: "One", "Two"'],
  ],
  [
    'a pattern',
    { letters: 'a1' },
    [`spec.letters: Invalid value: "a1": spec.letters in body should match '^[a-z]+$'`],
  ],
  [
    'a least length',
    { letters: 'a' },
    ['spec.letters: Invalid value: "a": spec.letters in body should be at least 2 chars long'],
  ],
  ['a greatest length', { letters: 'abcde' }, ['spec.letters: Too long: may not be more than 4 bytes']],
  [
    'a minimum',
    { count: 0 },
    ['spec.count: Invalid value: 0: spec.count in body should be greater than or equal to 1'],
  ],
  [
    'a maximum',
    { count: 6 },
    ['spec.count: Invalid value: 6: spec.count in body should be less than or equal to 5'],
  ],
  [
    'a type',
    { count: 'x' },
    ['spec.count: Invalid value: "string": spec.count in body must be of type integer: "string"'],
  ],
  [
    'a flag',
    { flag: 'yes' },
    ['spec.flag: Invalid value: "string": spec.flag in body must be of type boolean: "string"'],
  ],
  [
    'a whole number',
    { count: 1.5 },
    ['spec.count: Invalid value: "number": spec.count in body must be of type integer: "number"'],
  ],
  [
    'a time',
    { when: 'soon' },
    ['spec.when: Invalid value: "soon": spec.when in body must be of type date-time: "soon"'],
  ],
  ['a set', { names: ['n', 'n'] }, ['spec.names[1]: Duplicate value: "n"']],
  [
    'a number of items',
    { names: ['n1', 'n2', 'n3'] },
    ['spec.names: Too many: 3: must have at most 2 items'],
  ],
  ['keys of a list', { ports: [{ port: 1 }, { port: 1 }] }, ['spec.ports[1]: Duplicate value: {"port":1}']],
  ['values of a map', { labels: { a: 'long' } }, ['spec.labels.a: Too long: may not be more than 3 bytes']],
  [
    'a number of entries',
    { labels: { a: 'x', b: 'x', c: 'x' } },
    ['spec.labels: Too many: 3: must have at most 2 items'],
  ],
  ['a rule', { low: 2, high: 1 }, ['spec: Invalid value: low must not be above high']],
  ['a rule that words its own message', { low: 13 }, ['spec.low: Invalid value: low must not be 13']],
  ['a rule with a reason', { names: ['m'] }, ['spec: Forbidden: names start with n']],
  [
    'two things at once',
    { low: 13, high: 1 },
    ['spec: Invalid value: low must not be above high', 'spec.low: Invalid value: low must not be 13'],
  ],
];

function said({ body }: Answer): string[] {
  const causes = causesOf(body) as { field: string; message: string }[];
  return causes
    .filter(({ field }) => field !== '<nil>')
    .map(({ field, message }) => `${field}: ${withoutObject(message)}`)
    .toSorted();
}

/** A value that is an object is named by some versions and left out by others. */
function withoutObject(message: string): string {
  return message.replace(/^Invalid value: "object": /, 'Invalid value: ');
}

function describeRules(subject: () => Subject): void {
  const plural = newName('ruled').replaceAll('-', '');
  const group = `${plural}.example.org`;
  const definition: Definition = {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Cluster',
      names: { plural, singular: plural.slice(1), kind: 'Ruled', listKind: 'RuledList' } as {
        plural: string;
      },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: ruled } }],
    },
  };
  const path = `/apis/${group}/v1/${plural}`;
  const ruledOf = (name: string, spec: object) => ({
    apiVersion: `${group}/v1`,
    kind: 'Ruled',
    metadata: { name },
    spec,
  });

  beforeAll(async () => {
    await made(subject().api, definitionsPath, definition);
    await untilServed(subject().api, definition);
  });

  test.each(ruleCases)('refuses by %s', async (_title, spec, causes) => {
    const needed = _title === 'what is required' ? {} : { needed: 'x' };
    const answer = await subject().api.post(path, ruledOf('a', { ...needed, ...spec }));
    expect([answer.status, said(answer)]).toEqual([422, causes.toSorted()]);
  });

  test('takes what keeps all rules', async () => {
    const spec = {
      needed: 'x',
      choice: 'One',
      letters: 'abc',
      count: 3,
      when: '2026-01-02T03:04:05Z',
      flag: true,
      names: ['n1', 'n2'],
      ports: [{ port: 1 }, { port: 2 }],
      labels: { a: 'x' },
      low: 1,
      high: 2,
    };
    const answer = await subject().api.post(path, ruledOf('good', spec));
    expect([answer.status, answer.body['spec']]).toEqual([201, spec]);
  });

  test('a rule about a change is asked when something changes', async () => {
    const { api } = subject();
    await made(api, path, ruledOf('changing', { needed: 'x', fixed: 'a' }));
    const same = await api.patch(`${path}/changing`, 'merge', { spec: { needed: 'y', fixed: 'a' } });
    const changed = await api.patch(`${path}/changing`, 'merge', { spec: { fixed: 'b' } });
    expect(same.status).toBe(200);
    expect([changed.status, said(changed)]).toEqual([
      422,
      [expect.stringMatching(/^spec\.fixed: Invalid value: "(b|string)": fixed cannot change$/)],
    ]);
  });

  test('the message names the object and all that is wrong with it', async () => {
    const { body } = await subject().api.post(path, ruledOf('a', { needed: 'x', choice: 'Three', count: 0 }));
    expect(body.message).toMatch(
      new RegExp(`^Ruled\\.${group} "a" is invalid: \\[.*spec\\.choice: Unsupported value.*\\]$`),
    );
    expect(body.details).toMatchObject({ name: 'a', group, kind: 'Ruled' });
  });
}
