import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { CannotBuildError } from './go-part.ts';

/** A published Go module, pinned by the checksum of its content. */
export interface GoModule {
  readonly path: string;
  readonly version: string;
  /** As go.sum has it. */
  readonly checksum: string;
}

/** The folder of a module's content; it is downloaded where Go's cache does not have it. */
export async function downloadGoModule(module: GoModule, environment: NodeJS.ProcessEnv): Promise<string> {
  const name = `${module.path}@${module.version}`;
  const args = ['mod', 'download', '-json', name];
  const env = { ...environment, GOTOOLCHAIN: 'local', GOWORK: 'off' };
  const { stdout } = await promisify(execFile)('go', args, { cwd: tmpdir(), env }).catch((error: unknown) => {
    const said =
      error instanceof Error && 'stdout' in error
        ? `${error.message} ${String(error.stdout)}`
        : String(error);
    const todo = 'it comes from the Go module proxy; install Go (https://go.dev/dl/)';
    throw new CannotBuildError(`${name} could not be downloaded; ${todo}: ${said}`, { cause: error });
  });
  const { Dir: folder, Sum: sum } = JSON.parse(stdout) as { readonly Dir: string; readonly Sum: string };
  if (sum !== module.checksum)
    throw new CannotBuildError(`${name} has the checksum ${sum}, expected ${module.checksum}`);
  return folder;
}
