import { describe, expect, test } from 'vitest';
import { parseTraceContext, toTraceHeaders } from './trace-context.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const parent = `00-${traceId}-${spanId}-01`;

describe('a trace context', () => {
  test.each<[string, unknown, unknown, object]>([
    ['a parent alone', parent, undefined, { traceId, spanId, flags: '01' }],
    ['one that is not sampled', `00-${traceId}-${spanId}-00`, null, { traceId, spanId, flags: '00' }],
    ['a state', parent, 'vendor=a b,other=1', { traceId, spanId, flags: '01', state: 'vendor=a b,other=1' }],
    ['an empty state', parent, '', { traceId, spanId, flags: '01' }],
    ['blanks around it', ` ${parent} `, undefined, { traceId, spanId, flags: '01' }],
    ['a later version', `01-${traceId}-${spanId}-03-more`, undefined, { traceId, spanId, flags: '03' }],
    ['a state that is too long', parent, `v=${'x'.repeat(511)}`, { traceId, spanId, flags: '01' }],
    ['a state that no header may have', parent, 'v=1\r\nx: y', { traceId, spanId, flags: '01' }],
    ['a state that is no text', parent, 7, { traceId, spanId, flags: '01' }],
  ])('is read from %s', (_, traceparent, tracestate, expected) => {
    expect(parseTraceContext(traceparent, tracestate)).toEqual(expected);
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['an empty text', ''],
    ['a number', 7],
    ['a forbidden version', `ff-${traceId}-${spanId}-01`],
    ['more than its version has', `${parent}-more`],
    ['capital letters', parent.toUpperCase()],
    ['no trace', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['no span', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['two of them', `${parent}, ${parent}`],
    ['a line break', `${parent}\r\nx: y`],
    ['a long text', `01-${traceId}-${spanId}-01-${'x'.repeat(256)}`],
  ])('is not read from %s', (_, traceparent) => {
    expect(parseTraceContext(traceparent, 'vendor=1')).toBeUndefined();
  });

  test('is written as it was read', () => {
    expect(toTraceHeaders({ traceId, spanId, flags: '01' })).toEqual({ traceparent: parent });
    expect(toTraceHeaders({ traceId, spanId, flags: '01', state: 'v=1' })).toEqual({
      traceparent: parent,
      tracestate: 'v=1',
    });
  });
});
