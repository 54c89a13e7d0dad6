import { expect, test } from 'vitest';
import { type Completion, complete } from './complete.ts';

function show(completion: Completion): string {
  switch (completion.kind) {
    case 'words':
      return completion.words.map(({ word }) => word).join(' ');
    case 'files':
      return '<files>';
    case 'names':
      return `<${completion.of} ${completion.prefix}*> ${JSON.stringify(completion.flags)}`;
  }
}

test.each([
  ['', 'status inspect why render check diff doctor graph'],
  ['st', 'status'],
  ['why ', 'pod binding'],
  ['why p', 'pod'],
  ['-n team-a why pod ch', '<pod ch*> {"namespace":"team-a"}'],
  ['inspect binding ', '<binding *> {}'],
  ['inspect binding chat ', ''],
  ['inspect binding chat -o ', 'text json'],
  ['check -o s', 'sarif'],
  ['check -f ', '<files>'],
  ['status --name', '--namespace'],
  ['status --output=json --st', '--strict'],
  ['status -n te', '<namespace te*> {}'],
  ['status --context ', '<context *> {}'],
  ['diff --overlap-policy ', 'report refuse'],
  ['nonsense ', ''],
])('%j', (line, expected) => {
  expect(show(complete(line.split(' ')))).toBe(expected);
});
