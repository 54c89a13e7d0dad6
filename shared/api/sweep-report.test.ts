import { describe, expect, test } from 'vitest';
import { addLook, countRepairs, parseSweepReport, toSweepReportData } from './sweep-report.ts';

const first = {
  lookedAt: '2026-11-30T12:00:00.000Z',
  namespaces: 2,
  found: { 'lost-event': 2, orphan: 1 },
} as const;
const second = { lookedAt: '2026-11-30T12:05:00.000Z', namespaces: 3, found: {} } as const;

describe('the report of the sweep', () => {
  test('counts what each look found, and since when', () => {
    const report = addLook(undefined, first);
    expect(report).toEqual({
      ...first,
      since: '2026-11-30T12:00:00.000Z',
      total: { 'lost-event': 2, orphan: 1 },
      foundAt: '2026-11-30T12:00:00.000Z',
    });
    expect(addLook(report, { ...second, found: { orphan: 4 } })).toMatchObject({
      found: { orphan: 4 },
      since: '2026-11-30T12:00:00.000Z',
      total: { 'lost-event': 2, orphan: 5 },
      foundAt: '2026-11-30T12:05:00.000Z',
    });
  });

  test('keeps when something was last found', () => {
    expect(addLook(addLook(undefined, first), second)).toEqual({
      ...second,
      since: '2026-11-30T12:00:00.000Z',
      total: { 'lost-event': 2, orphan: 1 },
      foundAt: '2026-11-30T12:00:00.000Z',
    });
  });

  test('is kept as texts, and read back as it was', () => {
    const report = addLook(undefined, first);
    const data = toSweepReportData(report);
    expect(data).toEqual({
      lookedAt: '2026-11-30T12:00:00.000Z',
      namespaces: '2',
      'found.lost-event': '2',
      'found.orphan': '1',
      since: '2026-11-30T12:00:00.000Z',
      'total.lost-event': '2',
      'total.orphan': '1',
      foundAt: '2026-11-30T12:00:00.000Z',
    });
    expect(parseSweepReport(data)).toEqual(report);
  });

  test.each<[string, Record<string, string>]>([
    ['nothing', {}],
    ['no time', { lookedAt: 'yesterday', namespaces: '1', since: 'ever' }],
    ['no number', { ...toSweepReportData(addLook(undefined, first)), namespaces: '-1' }],
  ])('is none where somebody has written %s', (_, data) => {
    expect(parseSweepReport(data)).toBeUndefined();
  });

  test('takes a count that is no number for zero, and other keys for none of its own', () => {
    const data = { ...toSweepReportData(addLook(undefined, first)), 'found.orphan': 'many', other: '7' };
    expect(parseSweepReport(data)?.found).toEqual({ 'lost-event': 2 });
  });

  test('counts each kind of repair', () => {
    expect(countRepairs(['orphan', 'lost-event', 'orphan'])).toEqual({ orphan: 2, 'lost-event': 1 });
  });
});
