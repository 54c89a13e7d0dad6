import project from '../package.json' with { type: 'json' };
import { ForbiddenError, UncertainError } from '../shared/api/uncertain-error.ts';
import { runCheck } from './check/run-check.ts';
import { type Call, parseCommandLine } from './command-line/parse-command-line.ts';
import { runDiff } from './diff/run-diff.ts';
import { runDoctor } from './doctor/run-doctor.ts';
import { runGraph } from './graph/run-graph.ts';
import { runInspect } from './inspect/run-inspect.ts';
import { toPermission, toPermissionWords } from '../shared/explain/kube/permissions.ts';
import { runRender } from './render/run-render.ts';
import { runCompletion } from './run-completion.ts';
import { findWrongSetting } from './settings/resolve-settings.ts';
import { runStatus } from './status/run-status.ts';
import { type Ending, SetupError, type Tools } from './tools.ts';
import { runWhyBinding, runWhyPod } from './why/run-why.ts';

/** Runs a command line to its end; whatever happens becomes an ending. */
export async function run(args: readonly string[], tools: Tools): Promise<Ending> {
  if (args[0] === '__complete') return await runCompletion(args.slice(1), tools);
  const line = parseCommandLine(args);
  switch (line.kind) {
    case 'print':
      return well(line.text);
    case 'version':
      return well(`kubectl-kleym ${project.version}\n`);
    case 'invalid':
      return { output: '', problem: `error: ${line.message}\n`, exitCode: 4 };
    case 'call':
      return await call(line, tools).catch(toFailure);
  }
}

function well(output: string): Ending {
  return { output, problem: '', exitCode: 0 };
}

function toFailure(error: unknown): Ending {
  if (error instanceof ForbiddenError) {
    const words = toPermissionWords(toPermission(error.path));
    return { output: '', problem: `error: no permission to ${words}\n`, exitCode: 4 };
  }
  if (error instanceof UncertainError || error instanceof SetupError)
    return { output: '', problem: `error: ${error.message}\n`, exitCode: 4 };
  const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    output: '',
    problem: `this is a bug of kubectl-kleym; please report it:\n${words}\n`,
    exitCode: 5,
  };
}

async function call({ name, operands, flags }: Call, tools: Tools): Promise<Ending> {
  const wrong = findWrongSetting(flags);
  if (wrong !== undefined) throw new SetupError(wrong);
  const given = { operand: operands[0] ?? '', flags };
  switch (name) {
    case 'status':
      return await runStatus(given, tools);
    case 'inspect binding':
      return await runInspect(given, tools);
    case 'check':
      return await runCheck(given, tools);
    case 'diff':
      return await runDiff(given, tools);
    case 'doctor':
      return await runDoctor(given, tools);
    case 'graph':
      return await runGraph(given, tools);
    case 'render':
      return await runRender(given, tools);
    case 'why pod':
      return await runWhyPod(given, tools);
    case 'why binding':
      return await runWhyBinding(given, tools);
  }
}
