import { expect, test } from 'vitest';
import { decodeNamespace } from './protobuf.ts';

test('kubectl create namespace nn, as kubectl 1.32 sends it', () => {
  const sent =
    '6b3873000a0f0a02763112094e616d657370616365121a0a120a026e6e12001a0022002a0032003800420012001a020a001a002200';
  expect(decodeNamespace(Buffer.from(sent, 'hex'))).toEqual({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'nn' },
  });
});

test.each([
  ['no protobuf at all', '7b7d'],
  ['cut off in a length', '6b3873000a'],
  ['cut off in a text', '6b3873000a0f0a02'],
  ['with a label, which would be lost', '6b3873000a0f0a02763112094e616d65737061636512070a055a030a0161'],
  ['with a number, which would be lost', '6b3873000a0f0a02763112094e616d65737061636512040a023801'],
  ['with a data, which would be lost', '6b3873000a0f0a0276311209436f6e6669674d6170120612040a0161'],
])('a body %s is refused', (_title, sent) => {
  expect(() => decodeNamespace(Buffer.from(sent, 'hex'))).toThrow(
    'the embedded cluster understands no more of protobuf than the name of a namespace: send application/json',
  );
});
