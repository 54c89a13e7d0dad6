import { describe, expect, test } from 'vitest';
import { readCorrelationId, toCorrelation } from './correlation.ts';

const id = 'a5b83984-ae56-4776-b877-ff13f4100c3a';

describe('what follows from an event', () => {
  test('has the id of the event as its correlation', () => {
    expect(toCorrelation({ id })).toEqual({ correlationid: id });
    expect(readCorrelationId({ id })).toBeUndefined();
  });

  test('keeps a correlation that the event has', () => {
    expect(toCorrelation({ id: 'another', correlationid: id })).toEqual({ correlationid: id });
    expect(readCorrelationId({ id: 'another', correlationid: id })).toBe(id);
  });

  test.each<[string, unknown]>([
    ['longer than 128 characters', 'x'.repeat(129)],
    ['with a line break', 'a\nb'],
    ['with a blank', 'level error'],
    ['with quotes', '"}{"'],
    ['of other letters', 'Grün'],
    ['empty', ''],
    ['that is no text', 7],
  ])('does not carry on a correlation %s', (_what, correlationid) => {
    expect(toCorrelation({ id, correlationid })).toEqual({ correlationid: id });
    expect(readCorrelationId({ id, correlationid })).toBeUndefined();
  });

  test('has none where the id of the event cannot be carried on either', () => {
    expect(toCorrelation({ id: 'x'.repeat(4096) })).toEqual({});
  });

  test('takes the ids of senders that Knative has', () => {
    expect(toCorrelation({ id: 'partition:3/offset:42' })).toEqual({
      correlationid: 'partition:3/offset:42',
    });
  });
});
