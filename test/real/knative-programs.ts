import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CannotBuildError, type Workshop, buildGoPart } from './go-part.ts';

/** What of Knative runs outside a cluster: the programs behind its sources, and the definition that one of them needs. */
export interface KnativePrograms {
  /** The program behind each ApiServerSource. */
  readonly receiveAdapter: string;
  /** The program behind all PingSources. */
  readonly pingAdapter: string;
  /** The path of the PingSource's definition. */
  readonly pingSourceDefinition: string;
}

const version = 'v0.50.0';
const module = `knative.dev/eventing@${version}`;
/** Of the module's content, as go.sum has it. */
const checksum = 'h1:4GSn7yyMLgpGUqU0vZjcyFKK0vSi3TtZXPVzb7HW7Ds=';

/** Finds or builds the programs. They are built in their own module, with exactly the dependencies that Knative builds them with. */
export async function provideKnativePrograms(workshop: Workshop): Promise<KnativePrograms> {
  const folder = await downloadModule(workshop.env);
  const build = (name: string, path: string) =>
    buildGoPart({ name, version, folder, package: path, ldflags: '' }, workshop);
  return {
    receiveAdapter: await build('apiserver_receive_adapter', './cmd/apiserver_receive_adapter'),
    pingAdapter: await build('mtping', './cmd/mtping'),
    pingSourceDefinition: join(folder, 'config', 'core', 'resources', 'pingsource.yaml'),
  };
}

async function downloadModule(environment: NodeJS.ProcessEnv): Promise<string> {
  const args = ['mod', 'download', '-json', module];
  const env = { ...environment, GOTOOLCHAIN: 'local', GOWORK: 'off' };
  const { stdout } = await promisify(execFile)('go', args, { cwd: tmpdir(), env }).catch((error: unknown) => {
    const said =
      error instanceof Error && 'stdout' in error
        ? `${error.message} ${String(error.stdout)}`
        : String(error);
    const todo = 'Knative is built with Go and from the module proxy; install Go (https://go.dev/dl/)';
    throw new CannotBuildError(`${module} could not be downloaded; ${todo}: ${said}`, { cause: error });
  });
  const { Dir: folder, Sum: sum } = JSON.parse(stdout) as { readonly Dir: string; readonly Sum: string };
  if (sum !== checksum) throw new CannotBuildError(`${module} has the checksum ${sum}, expected ${checksum}`);
  return folder;
}
