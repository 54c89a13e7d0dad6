import { describe, expect, test } from 'vitest';
import type { Json } from './json.ts';
import { applyJsonPatch, applyMergePatch, applyStrategicPatch } from './patch.ts';
import { StatusError } from './status-error.ts';

describe('a merge patch', () => {
  test.each<[string, Json, Json, Json]>([
    ['sets a field', { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
    ['takes away what is null', { a: 1, b: 2 }, { a: null }, { b: 2 }],
    ['merges objects', { a: { b: 1, c: 2 } }, { a: { b: 3 } }, { a: { b: 3, c: 2 } }],
    ['replaces lists', { a: [1, 2] }, { a: [3] }, { a: [3] }],
    ['makes an object of what was none', { a: 'x' }, { a: { b: 1 } }, { a: { b: 1 } }],
    ['takes nulls out of what it adds', {}, { a: { b: null, c: 1 } }, { a: { c: 1 } }],
    ['replaces an object by a scalar', { a: { b: 1 } }, { a: 2 }, { a: 2 }],
  ])('%s', (_title, target, patch, result) => {
    expect(applyMergePatch(target, patch)).toEqual(result);
  });
});

describe('a JSON patch', () => {
  test.each<[string, Json, Json[], Json]>([
    ['adds a field', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['adds into a list', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    ['adds at the end of a list', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    ['replaces an item', { a: [1, 2] }, [{ op: 'replace', path: '/a/0', value: 9 }], { a: [9, 2] }],
    ['replaces what is not there yet', {}, [{ op: 'replace', path: '/a', value: 1 }], { a: 1 }],
    ['replaces everything', { a: 1 }, [{ op: 'replace', path: '', value: { b: 2 } }], { b: 2 }],
    ['removes an item', { a: [1, 2] }, [{ op: 'remove', path: '/a/0' }], { a: [2] }],
    ['copies', { a: { b: 1 } }, [{ op: 'copy', from: '/a', path: '/c' }], { a: { b: 1 }, c: { b: 1 } }],
    ['moves', { a: { b: 1 } }, [{ op: 'move', from: '/a/b', path: '/c' }], { a: {}, c: 1 }],
    ['tests and goes on', { a: 1 }, [{ op: 'test', path: '/a', value: 1 }], { a: 1 }],
    [
      'tests what an earlier one did',
      {},
      [
        { op: 'add', path: '/a', value: 1 },
        { op: 'test', path: '/a', value: 1 },
      ],
      { a: 1 },
    ],
    [
      'reads ~1 as / and ~0 as ~',
      { 'a/b': { '~c': 1 } },
      [{ op: 'add', path: '/a~1b/~0c', value: 2 }],
      { 'a/b': { '~c': 2 } },
    ],
    ['reads ~01 as ~1', { '~1': 1 }, [{ op: 'add', path: '/~01', value: 2 }], { '~1': 2 }],
  ])('%s', (_title, target, patch, result) => {
    expect(applyJsonPatch(target, patch)).toEqual(result);
  });

  test.each<[string, Json]>([
    ['a test that fails', { op: 'test', path: '/a', value: 2 }],
    ['a test of what is not there', { op: 'test', path: '/nope', value: 1 }],
    ['removing what is not there', { op: 'remove', path: '/nope' }],
    ['adding below what is not there', { op: 'add', path: '/nope/deep', value: 1 }],
    ['an index past the end', { op: 'add', path: '/list/9', value: 1 }],
    ['an index that is none', { op: 'add', path: '/list/first', value: 1 }],
    ['removing the end mark', { op: 'remove', path: '/list/-' }],
    ['removing everything', { op: 'remove', path: '' }],
    ['a path without a slash', { op: 'add', path: 'a', value: 1 }],
    ['no path', { op: 'add', value: 1 }],
    ['an unknown operation', { op: 'zap', path: '/a' }],
    ['an operation that is none', 'zap'],
  ])('is refused for %s', (_title, operation) => {
    expect(() => applyJsonPatch({ a: 1, list: [1] }, [operation])).toThrow(StatusError);
  });

  test('leaves what it was given as it was', () => {
    const target = { a: { list: [1] } };
    applyJsonPatch(target, [{ op: 'add', path: '/a/list/-', value: 2 }]);
    expect(target).toEqual({ a: { list: [1] } });
  });
});

describe('a strategic merge patch', () => {
  test.each<[string, Json, Json, Json]>([
    [
      'puts its finalizers before those there are',
      { finalizers: ['a'] },
      { finalizers: ['b', 'a'] },
      { finalizers: ['b', 'a'] },
    ],
    [
      'takes out finalizers it names',
      { finalizers: ['a', 'b'] },
      { '$deleteFromPrimitiveList/finalizers': ['a'] },
      { finalizers: ['b'] },
    ],
    ['replaces every other list', { list: [1, 2] }, { list: [3] }, { list: [3] }],
    ['does not store an order', { a: 1 }, { '$setElementOrder/finalizers': ['a'] }, { a: 1 }],
    ['takes away what is null', { a: 1, b: 1 }, { a: null }, { b: 1 }],
  ])('%s', (_title, target, patch, result) => {
    expect(applyStrategicPatch(target, patch)).toEqual(result);
  });

  test.each([
    ['$patch', { a: { $patch: 'replace', b: 1 } }],
    ['$setElementOrder/list', { '$setElementOrder/list': [1] }],
    ['ownerReferences', { metadata: { ownerReferences: [{ uid: 'a' }] } }],
  ])('is refused where it says %s', (field, patch) => {
    expect(() => applyStrategicPatch({ a: {} }, patch)).toThrow(
      `the embedded cluster does not implement ${field} in a strategic merge patch`,
    );
  });
});
