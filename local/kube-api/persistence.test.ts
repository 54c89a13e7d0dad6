import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Journal, openJournal } from './persistence.ts';
import type { Entry } from './store.ts';

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cluster-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function open(folder: string): Journal {
  const journal = openJournal(folder);
  onTestFinished(() => journal.close());
  return journal;
}

function entry(revision: number, name: string): Entry {
  const metadata = { name, resourceVersion: String(revision) };
  return { revision, storage: 'things', key: name, object: { apiVersion: 'v1', kind: 'Thing', metadata } };
}

/** A log that holds two writes and was not closed, as after a kill. */
function writeLog(folder: string): string {
  const journal = openJournal(folder);
  journal.rewrite([entry(2, 'one')], 2);
  journal.record(entry(3, 'two'));
  rmSync(join(folder, 'lock'));
  return join(folder, 'cluster.jsonl');
}

function written(entries: readonly Entry[]): [number, string][] {
  return entries.filter(({ key }) => key !== '').map(({ revision, key }) => [revision, key]);
}

test('what was recorded is read again', () => {
  const folder = newFolder();
  writeLog(folder);
  expect(written(open(folder).entries)).toEqual([
    [2, 'one'],
    [3, 'two'],
  ]);
});

test('a log that was started anew keeps the revision of a deletion', () => {
  const folder = newFolder();
  const journal = open(folder);
  journal.rewrite([entry(2, 'one')], 9);
  journal.close();
  expect(Math.max(...open(folder).entries.map(({ revision }) => revision))).toBe(9);
});

test('a last line that was torn by a kill is as if it had not been written', () => {
  const folder = newFolder();
  const file = writeLog(folder);
  appendFileSync(file, '{"revision":4,"storage":"thi');
  expect(written(open(folder).entries)).toEqual([
    [2, 'one'],
    [3, 'two'],
  ]);
});

test('a last line that only lacks its end counts', () => {
  const folder = newFolder();
  const file = writeLog(folder);
  writeFileSync(file, readFileSync(file, 'utf8').trimEnd());
  expect(written(open(folder).entries)).toHaveLength(2);
});

test('a line that is damaged elsewhere is not passed over', () => {
  const folder = newFolder();
  const file = writeLog(folder);
  appendFileSync(file, `nonsense\n${JSON.stringify(entry(4, 'three'))}\n`);
  expect(() => openJournal(folder)).toThrow(/cluster\.jsonl is damaged in line 4: repair that line/);
});

test('a folder that another living process uses is refused', () => {
  const folder = newFolder();
  writeFileSync(join(folder, 'lock'), String(process.ppid));
  expect(() => openJournal(folder)).toThrow(
    `${folder} is in use by process ${process.ppid}: end it, or choose another folder`,
  );
});

test('the lock of a process that was killed does not count', () => {
  const folder = newFolder();
  // No system counts so far.
  writeFileSync(join(folder, 'lock'), '2147483646');
  expect(open(folder).entries).toEqual([]);
});

test('nothing is written after the end', () => {
  const folder = newFolder();
  const journal = open(folder);
  journal.rewrite([], 1);
  journal.close();
  journal.record(entry(2, 'late'));
  journal.rewrite([entry(2, 'late')], 2);
  expect(written(open(folder).entries)).toEqual([]);
});
