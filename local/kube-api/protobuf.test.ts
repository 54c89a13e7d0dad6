import { describe, expect, test } from 'vitest';
import { decodeProtobuf } from './protobuf.ts';

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

describe('what kubectl 1.32 sends', () => {
  test('kubectl create namespace nn', () => {
    const sent =
      '6b3873000a0f0a02763112094e616d657370616365121a0a120a026e6e12001a0022002a0032003800420012001a020a001a002200';
    expect(decodeProtobuf(hex(sent))).toEqual({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'nn' },
      spec: {},
      status: {},
    });
  });

  test('kubectl create configmap foo --from-literal=a=b -n nn', () => {
    const sent =
      '6b3873000a0f0a0276311209436f6e6669674d6170121f0a150a03666f6f12001a026e6e22002a0032003800420012060a01611201621a002200';
    expect(decodeProtobuf(hex(sent))).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'foo', namespace: 'nn' },
      data: { a: 'b' },
    });
  });

  test('kubectl create secret generic s --from-literal=x=y', () => {
    const sent =
      '6b3873000a0c0a0276311206536563726574121d0a110a017312001a0022002a0032003800420012060a01781201791a001a002200';
    expect(decodeProtobuf(hex(sent))).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data: { x: 'eQ==' },
    });
  });
});

test('a kind that nobody sends so is left to others to refuse', () => {
  const role = '6b3873000a0a0a0276311204526f6c65120022002200';
  expect(decodeProtobuf(hex(role))).toBeUndefined();
});

test.each([
  ['no protobuf at all', '7b7d'],
  ['cut off in a length', '6b3873000a'],
  ['cut off in a text', '6b3873000a0f0a02'],
  ['a field that would be lost', '6b3873000a0f0a0276311209436f6e6669674d6170120632040a026e6e'],
])('%s is refused', (_title, sent) => {
  expect(() => decodeProtobuf(hex(sent))).toThrow(
    /the embedded cluster does not understand .* as protobuf: send application\/json/,
  );
});
