import { z } from 'zod';
import { type Completion, complete } from './command-line/complete.ts';
import type { Connection } from './kube/connection.ts';
import { namespaceResource } from '../shared/kube/core-resources.ts';
import type { Ending, Tools } from './tools.ts';
import { readNames } from '../shared/explain/why/read-why.ts';

// What kubectl's completion, which is cobra's, makes of the last line.
const noFiles = 4;
const filesToo = 0;

/** Completes a command line for the shell, by the protocol of kubectl's plugins: a line each, and what to do with them. */
export async function runCompletion(args: readonly string[], tools: Tools): Promise<Ending> {
  const completion = complete(args);
  // Whatever goes wrong: nobody wants an error in the middle of the word.
  const lines = await toLines(completion, tools).catch(() => []);
  const directive = completion.kind === 'files' ? filesToo : noFiles;
  return { output: [...lines, `:${directive}`, ''].join('\n'), problem: '', exitCode: 0 };
}

async function toLines(completion: Completion, { connect, listContexts }: Tools): Promise<readonly string[]> {
  switch (completion.kind) {
    case 'files':
      return [];
    case 'words':
      return completion.words.map(({ word, about }) => (about === '' ? word : `${word}\t${about}`));
    case 'names': {
      const { of, prefix, flags } = completion;
      const names = of === 'context' ? listContexts(flags) : await listNames(of, connect(flags));
      return names.filter((name) => name.startsWith(prefix)).toSorted();
    }
  }
}

const Named = z.object({ metadata: z.object({ name: z.string() }) });

async function listNames(
  kind: 'binding' | 'pod' | 'namespace',
  connection: Connection,
): Promise<readonly string[]> {
  switch (kind) {
    case 'binding':
    case 'pod':
      return await readNames(connection, kind);
    case 'namespace': {
      const found = await connection.lookups.list(namespaceResource, {}, Named);
      return found === 'unserved' ? [] : found.map(({ metadata }) => metadata.name);
    }
  }
}
