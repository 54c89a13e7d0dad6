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

const deleteFromList = '$deleteFromPrimitiveList/';

/** The strategic merge of the built-in kinds: a merge patch in which known lists are merged by their keys. */
export function applyStrategicPatch(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const merged: JsonObject = isJsonObject(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === undefined || field.startsWith('$setElementOrder/')) continue;
    if (field.startsWith(deleteFromList)) {
      const from = field.slice(deleteFromList.length);
      const [list, gone] = [merged[from], value];
      if (Array.isArray(list) && Array.isArray(gone))
        merged[from] = list.filter((each) => !gone.includes(each));
    } else if (field.startsWith('$')) throw notImplemented(`${field} in a strategic merge patch`);
    else if (value === null) delete merged[field];
    else if (Array.isArray(value)) merged[field] = mergeList(merged[field], value, field);
    else merged[field] = applyStrategicPatch(merged[field], value);
  }
  return merged;
}

/** By which key the items of a list are told apart; an empty key means that the items themselves are. */
const mergeKeys: Readonly<Record<string, string>> = { finalizers: '', ownerReferences: 'uid' };

function mergeList(target: Json | undefined, patch: Json[], field: string): Json[] {
  const key = mergeKeys[field];
  if (key === undefined || !Array.isArray(target)) return patch.filter((item) => !isDirective(item));
  if (key === '') return [...patch, ...target.filter((each) => !patch.includes(each))];
  return patch.reduce<Json[]>((list, item) => mergeItem(list, item, key), target);
}

function isDirective(item: Json): boolean {
  return isJsonObject(item) && item['$patch'] !== undefined;
}

function mergeItem(list: Json[], item: Json, key: string): Json[] {
  if (!isJsonObject(item)) return [...list, item];
  const index = list.findIndex((each) => isJsonObject(each) && isSameJson(each[key], item[key]));
  if (item['$patch'] === 'delete') return index < 0 ? list : list.toSpliced(index, 1);
  if (index < 0) return [...list, item];
  return list.with(index, applyStrategicPatch(list[index], item));
}
