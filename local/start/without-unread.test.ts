import { expect, test } from 'vitest';
import { binding, output } from '../../test/support/manifests.ts';
import { withoutUnread } from './without-unread.ts';

const large = {
  annotations: { 'example.org/notes': 'n'.repeat(250_000) },
  labels: { team: 'a' },
  managedFields: [{ manager: 'kubectl' }],
};

test('an event of a binding is small, whatever its author has written on it', () => {
  const bare = binding('b');
  const metadata = { ...bare.metadata, finalizers: ['example.org/one'], ...large };
  expect(withoutUnread({ ...bare, metadata })).toEqual({
    ...bare,
    metadata: { name: 'b', finalizers: ['example.org/one'] },
  });
});

test('an event of an output keeps the labels and annotations by which kleym knows it', () => {
  const { labels, annotations } = large;
  const bare = output('o');
  const metadata = { ...bare.metadata, ...large };
  expect(withoutUnread({ ...bare, metadata })).toEqual({
    ...bare,
    metadata: { name: 'o', labels, annotations },
  });
});
