import type { JsonObject } from './json.ts';
import { StatusError } from './status-error.ts';

/** What stands before every object that Kubernetes writes as protobuf. */
const magic = Buffer.from('k8s\0');

const nothing = Buffer.alloc(0);

/**
 * Reads what `kubectl create namespace` sends, which kubectl writes as protobuf alone: a name, and fields that are
 * empty. An object that says more is refused, because the rest of it would be lost without a word.
 */
export function decodeNamespace(body: Buffer): JsonObject {
  if (!body.subarray(0, magic.length).equals(magic)) throw notUnderstood();
  const [type = nothing, object = nothing] = readFields(body.subarray(magic.length), 2);
  const [apiVersion, kind] = readFields(type, 2);
  const [metadata = nothing, ...rest] = readFields(object, 3);
  for (const empty of rest) readFields(empty, 0);
  const [name] = readFields(metadata, 1);
  return { apiVersion: String(apiVersion), kind: String(kind), metadata: { name: String(name) } };
}

function notUnderstood(): StatusError {
  const message =
    'the embedded cluster understands no more of protobuf than the name of a namespace: send application/json';
  return new StatusError(415, 'UnsupportedMediaType', message);
}

/** The first fields of a message by their numbers; all others must be empty. Nothing of a mere name is longer than 127. */
function readFields(bytes: Buffer, known: number): Buffer[] {
  const fields = Array.from<Buffer>({ length: known }).fill(nothing);
  for (let at = 0; at < bytes.length;) {
    const [tag = 0, size = 0] = bytes.subarray(at, at + 2);
    const [number, isBytes] = [Math.floor(tag / 8), tag % 8 === 2];
    const isKnown = isBytes && number <= known;
    const end = at + 2 + (isBytes ? size : 0);
    if (tag >= 0x80 || size >= 0x80 || end > bytes.length || (size > 0 && !isKnown)) throw notUnderstood();
    if (isKnown) fields[number - 1] = bytes.subarray(at + 2, end);
    at = end;
  }
  return fields;
}
