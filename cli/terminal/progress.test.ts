import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startProgress } from './progress.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function createOut(isTTY: boolean) {
  const written: string[] = [];
  return { written, out: { isTTY, write: (text: string) => written.push(text) > 0 } };
}

test('what takes less than a second says nothing', () => {
  const { written, out } = createOut(true);
  const progress = startProgress(out);
  vi.advanceTimersByTime(900);
  progress.end();
  vi.advanceTimersByTime(5000);
  expect(written).toEqual([]);
});

test('on a terminal one line is written over, and gone at the end', () => {
  const { written, out } = createOut(true);
  const progress = startProgress(out);
  progress.step();
  vi.advanceTimersByTime(1100);
  progress.step();
  vi.advanceTimersByTime(500);
  progress.end();
  expect(written).toEqual([
    '\r\u001B[Kasking the API server: 1 requests answered',
    '\r\u001B[Kasking the API server: 2 requests answered',
    '\r\u001B[K',
  ]);
});

test('elsewhere it is written once', () => {
  const { written, out } = createOut(false);
  const progress = startProgress(out);
  vi.advanceTimersByTime(3000);
  progress.end();
  expect(written).toEqual(['asking the API server: 0 requests answered …\n']);
});
