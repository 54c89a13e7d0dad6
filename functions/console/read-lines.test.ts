import { expect, test } from 'vitest';
import { Binding } from '../../shared/api/binding.ts';
import { refusedStatus } from '../../test/support/console.ts';
import { createBinding, perObjective } from '../../test/support/inference.ts';
import { toLine } from './read-lines.ts';

test('of each text of a status, 2,048 characters are kept', () => {
  const long = 'x'.repeat(5000);
  const status = refusedStatus(long, long, {
    trustDomain: long,
    clusterSPIFFEIDClassName: long,
    computedSpiffeIDs: [{ mode: 'PerObjective', spiffeID: long }],
  });
  const line = toLine(Binding.parse({ ...createBinding(perObjective), status }));
  const lengths = Object.values(line).map((text: string) => text.length);
  expect(lengths.filter((length) => length > 1000)).toEqual([2049, 2049, 2049, 2049, 2049]);
});
