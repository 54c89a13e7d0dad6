import { test } from 'vitest';
import type { Subject } from './subject.ts';
export function describeKubectl(subject: () => Subject): void {
  test('x', () => { subject(); });
}
