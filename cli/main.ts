#!/usr/bin/env node
import type { FlagValues } from './command-line/flags.ts';
import { runKustomize } from './doctor/kustomize.ts';
import { connectTo } from './kube/connection.ts';
import { listContexts, loadTarget } from './kube/kube-config-flags.ts';
import { type AnsweredRequest, observeRequests } from './kube/observe-requests.ts';
import { openApiServer } from './kube/open-api-server.ts';
import { parseDuration } from './kube/parse-duration.ts';
import { run } from './run.ts';
import { startProgress } from './terminal/progress.ts';
import { SetupError } from './tools.ts';
import { describeTerminal } from './terminal/terminal.ts';

const progress = startProgress(process.stderr);

// `kubectl kleym status | head` is no mistake.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

void main();

async function main(): Promise<void> {
  const { output, problem, exitCode } = await run(process.argv.slice(2), {
    terminal: describeTerminal(process.stdout, process.env),
    now: () => new Date(),
    stdin: process.stdin,
    connect,
    kustomize: runKustomize,
    listContexts,
  });
  progress.end();
  process.exitCode = exitCode;
  process.stdout.write(output);
  process.stderr.write(problem);
}

function connect(flags: FlagValues) {
  const timeout = flags['request-timeout'] ?? flags.timeout ?? '30s';
  const ms = parseDuration(timeout);
  if (ms === undefined)
    throw new SetupError(`--request-timeout is "${timeout}": expected a time, such as 10s or 1m`);
  const { kubeConfig, namespace } = load(flags);
  const impersonation = { as: flags.as, groups: flags['as-group'], uid: flags['as-uid'] };
  const apiServer = observeRequests(openApiServer(kubeConfig, impersonation), (request) => {
    progress.step();
    if (Number(flags.v ?? 0) >= 6) process.stderr.write(toLine(request));
  });
  // As with kubectl, 0 is no limit.
  return connectTo(apiServer, namespace, ms === 0 ? 2 ** 31 - 1 : ms);
}

function load(flags: FlagValues) {
  try {
    return loadTarget(flags);
  } catch (cause) {
    throw new SetupError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function toLine({ method, path, status, ms }: AnsweredRequest): string {
  return `${method} ${path} ${status} in ${ms} ms\n`;
}
