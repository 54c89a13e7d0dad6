import { type Json, type JsonObject, isJsonObject, isSameJson } from './json.ts';
import { badRequest, notImplemented, StatusError } from './status-error.ts';

/** RFC 7396: null takes a field away, objects are merged, everything else is replaced. */
export function applyMergePatch(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const merged: JsonObject = isJsonObject(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) delete merged[field];
    else merged[field] = applyMergePatch(merged[field], value);
  }
  return merged;
}

/** RFC 6902, all operations or none. */
export function applyJsonPatch(document: Json, patch: Json): Json {
  if (!Array.isArray(patch)) {
    throw badRequest(
      'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
    );
  }
  return patch.reduce<Json>((changed, operation) => {
    if (!isJsonObject(operation)) throw rejected();
    return applyOperation(changed, operation);
  }, document);
}

/** The real server says no more than this when a JSON patch cannot be applied. */
function rejected(): StatusError {
  return new StatusError(
    422,
    'Invalid',
    'the server rejected our request due to an error in our request',
    {},
  );
}

function applyOperation(document: Json, operation: JsonObject): Json {
  const path = parsePointer(operation['path']);
  const value = operation['value'] ?? null;
  switch (operation['op']) {
    case 'add':
    case 'replace':
      return editAt(document, path, { kind: operation['op'], value });
    case 'remove':
      return editAt(document, path, { kind: 'remove' });
    case 'test':
      if (!isSameJson(readAt(document, path), value)) throw rejected();
      return document;
    case 'copy':
      return editAt(document, path, {
        kind: 'add',
        value: readAt(document, parsePointer(operation['from'])),
      });
    case 'move': {
      const from = parsePointer(operation['from']);
      const without = editAt(document, from, { kind: 'remove' });
      return editAt(without, path, { kind: 'add', value: readAt(document, from) });
    }
    default:
      throw rejected();
  }
}

function parsePointer(pointer: Json | undefined): string[] {
  if (typeof pointer !== 'string') throw rejected();
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) throw rejected();
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

type Edit = { readonly kind: 'add' | 'replace'; readonly value: Json } | { readonly kind: 'remove' };

function editAt(document: Json, path: readonly string[], edit: Edit): Json {
  const [part, ...rest] = path;
  if (part === undefined) {
    if (edit.kind === 'remove') throw rejected();
    return edit.value;
  }
  if (rest.length > 0) {
    const changed = editAt(readAt(document, [part]), rest, edit);
    return editAt(document, [part], { kind: 'replace', value: changed });
  }
  if (Array.isArray(document)) return editList(document, part, edit);
  if (isJsonObject(document)) return editObject(document, part, edit);
  throw rejected();
}

function readAt(document: Json, path: readonly string[]): Json {
  let value: Json | undefined = document;
  for (const part of path) {
    if (Array.isArray(value)) value = value[indexIn(value, part, false)];
    else value = isJsonObject(value) ? value[part] : undefined;
    if (value === undefined) throw rejected();
  }
  return value;
}

function indexIn(list: readonly Json[], part: string, mayAppend: boolean): number {
  if (mayAppend && part === '-') return list.length;
  const index = /^(0|[1-9]\d*)$/.test(part) ? Number(part) : -1;
  if (index < 0 || index > list.length || (!mayAppend && index === list.length)) throw rejected();
  return index;
}

function editList(list: readonly Json[], part: string, edit: Edit): Json[] {
  const index = indexIn(list, part, edit.kind === 'add');
  if (edit.kind === 'remove') return list.toSpliced(index, 1);
  return list.toSpliced(index, edit.kind === 'add' ? 0 : 1, edit.value);
}

function editObject(object: JsonObject, part: string, edit: Edit): JsonObject {
  // As on the real server, `replace` may name a field that is not there yet.
  if (edit.kind === 'remove' && object[part] === undefined) throw rejected();
  return { ...object, [part]: edit.kind === 'remove' ? undefined : edit.value };
}

/** The strategic merge of the built-in kinds: a merge patch in which finalizers are added and taken out one by one. */
export function applyStrategicPatch(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const merged: JsonObject = isJsonObject(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === undefined || field === '$setElementOrder/finalizers') continue;
    if (field === '$deleteFromPrimitiveList/finalizers') {
      merged['finalizers'] = toList(merged['finalizers']).filter((each) => !toList(value).includes(each));
    } else if (field.startsWith('$') || field === 'ownerReferences') {
      throw notImplemented(`${field} in a strategic merge patch`);
    } else if (field === 'finalizers' && Array.isArray(value)) {
      merged[field] = [...value, ...toList(merged[field]).filter((each) => !value.includes(each))];
    } else if (value === null) delete merged[field];
    else merged[field] = applyStrategicPatch(merged[field], value);
  }
  return merged;
}

function toList(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}
