import { expect, onTestFinished, test, vi } from 'vitest';
import { createLineBuffer } from './line-buffer.ts';

test('lines leave together, and none is lost or said twice', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const written: string[] = [];
  const buffer = createLineBuffer({ write: (text) => void written.push(text) });
  buffer.write('one\n');
  buffer.write('two\n');
  expect(written).toEqual([]);
  vi.runAllTimers();
  buffer.write('three\n');
  vi.runAllTimers();
  expect(written).toEqual(['one\ntwo\n', 'three\n']);
});
