import type { Json, JsonObject } from './json.ts';
import { Refusal } from './refusal.ts';

/** What the bytes of a field mean; a map of texts is written as a list of keys and values. */
type FieldType = 'text' | 'bytes' | 'flag' | 'ignored' | 'text map' | 'bytes map' | Message;

interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly isList?: true;
}

/** The fields of a message by their numbers, as Kubernetes' generated.proto counts them. */
interface Message {
  readonly [number: number]: Field;
}

const objectMeta: Message = {
  1: { name: 'name', type: 'text' },
  2: { name: 'generateName', type: 'text' },
  3: { name: 'namespace', type: 'text' },
  4: { name: 'selfLink', type: 'ignored' },
  5: { name: 'uid', type: 'text' },
  6: { name: 'resourceVersion', type: 'text' },
  7: { name: 'generation', type: 'ignored' },
  8: { name: 'creationTimestamp', type: 'ignored' },
  11: { name: 'labels', type: 'text map' },
  12: { name: 'annotations', type: 'text map' },
  14: { name: 'finalizers', type: 'text', isList: true },
};

const metadata: Field = { name: 'metadata', type: objectMeta };
const reference: Message = { 3: { name: 'name', type: 'text' } };

/** The kinds that `kubectl create` sends as protobuf; everything else comes as JSON. */
const kinds: Readonly<Record<string, Message>> = {
  Namespace: {
    1: metadata,
    2: { name: 'spec', type: { 1: { name: 'finalizers', type: 'text', isList: true } } },
    3: { name: 'status', type: { 1: { name: 'phase', type: 'text' } } },
  },
  ConfigMap: {
    1: metadata,
    2: { name: 'data', type: 'text map' },
    3: { name: 'binaryData', type: 'bytes map' },
    4: { name: 'immutable', type: 'flag' },
  },
  Secret: {
    1: metadata,
    2: { name: 'data', type: 'bytes map' },
    3: { name: 'type', type: 'text' },
    4: { name: 'stringData', type: 'text map' },
    5: { name: 'immutable', type: 'flag' },
  },
  ServiceAccount: {
    1: metadata,
    2: { name: 'secrets', type: reference, isList: true },
    3: { name: 'imagePullSecrets', type: { 1: { name: 'name', type: 'text' } }, isList: true },
    4: { name: 'automountServiceAccountToken', type: 'flag' },
  },
};

const typeMeta: Message = { 1: { name: 'apiVersion', type: 'text' }, 2: { name: 'kind', type: 'text' } };

/** What stands before every object that Kubernetes writes as protobuf. */
const magic = 'k8s\0';

function notUnderstood(what: string): Refusal {
  return new Refusal(
    415,
    'UnsupportedMediaType',
    `the embedded cluster does not understand ${what} as protobuf: send application/json`,
  );
}

interface RawField {
  readonly number: number;
  readonly value: number | Buffer;
}

/** Reads one number in base 128, the low digits first. */
function readVarint(bytes: Buffer, start: number): { value: number; end: number } {
  let value = 0;
  for (let end = start; end < bytes.length; end += 1) {
    const byte = bytes[end] ?? 0;
    value += (byte & 0x7f) * 128 ** (end - start);
    if (byte < 0x80) return { value, end: end + 1 };
  }
  throw notUnderstood('a body that is cut off');
}

function readFields(bytes: Buffer): RawField[] {
  const fields: RawField[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    const number = Math.floor(tag.value / 8);
    const { value, end } = readVarint(bytes, tag.end);
    const wireType = tag.value % 8;
    if (wireType === 0) {
      fields.push({ number, value });
      at = end;
    } else if (wireType === 2 && end + value <= bytes.length) {
      fields.push({ number, value: bytes.subarray(end, end + value) });
      at = end + value;
    } else throw notUnderstood(`field ${number}`);
  }
  return fields;
}

function toBytes(value: number | Buffer | undefined): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}

function toMapEntry(bytes: Buffer, encoding: 'utf8' | 'base64'): JsonObject {
  const fields = readFields(bytes);
  const find = (number: number): Buffer => toBytes(fields.find((field) => field.number === number)?.value);
  return { [find(1).toString('utf8')]: find(2).toString(encoding) };
}

function toValue(type: FieldType, value: number | Buffer): Json | undefined {
  switch (type) {
    case 'flag':
      return value === 1;
    case 'ignored':
      return undefined;
    case 'text':
      return toBytes(value).toString('utf8') || undefined;
    case 'bytes':
      return toBytes(value).toString('base64');
    case 'text map':
      return toMapEntry(toBytes(value), 'utf8');
    case 'bytes map':
      return toMapEntry(toBytes(value), 'base64');
    default:
      return toObject(type, toBytes(value));
  }
}

function add(object: JsonObject, { name, type, isList }: Field, value: Json): JsonObject {
  const before = object[name];
  if (isList === true) return { ...object, [name]: [...(Array.isArray(before) ? before : []), value] };
  const isMap = type === 'text map' || type === 'bytes map';
  return { ...object, [name]: isMap ? { ...(before as JsonObject), ...(value as JsonObject) } : value };
}

function toObject(message: Message, bytes: Buffer): JsonObject {
  return readFields(bytes).reduce<JsonObject>((object, { number, value }) => {
    const field = message[number];
    // What is not known would be lost without a word.
    if (field === undefined) throw notUnderstood(`field ${number} of this object`);
    const read = toValue(field.type, value);
    return read === undefined ? object : add(object, field, read);
  }, {});
}

/**
 * Reads an object that a client wrote as protobuf; undefined where it is of another kind than the few that
 * kubectl writes so.
 */
export function decodeProtobuf(body: Buffer): JsonObject | undefined {
  if (body.subarray(0, magic.length).toString('latin1') !== magic) throw notUnderstood('this body');
  const envelope = readFields(body.subarray(magic.length));
  const part = (number: number): Buffer => toBytes(envelope.find((field) => field.number === number)?.value);
  const identity = toObject(typeMeta, part(1));
  const message = kinds[String(identity['kind'])];
  if (message === undefined || identity['apiVersion'] !== 'v1') return undefined;
  return { ...identity, ...toObject(message, part(2)) };
}
