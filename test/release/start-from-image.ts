import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type FunctionProcess, startCommand } from '../support/function-process.ts';
import type { OciImage } from './oci-archive.ts';

// As a runtime of containers would: a root of its own that nobody can write, the image's user, no capability, and no way
// to get one. Each step becomes the next, so signals reach the function.
const script = `
set -e
root=$1 dir=$2 uid=$3 gid=$4
shift 4
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -o remount,bind,ro "$root"
exec unshare --root="$root" --wd="$dir" --setgid="$gid" --setuid="$uid" -- "$@"
`;

/** Makes the folders that a runtime of containers mounts on. */
export async function prepareRoot(root: string): Promise<void> {
  for (const name of ['proc', 'dev', 'run']) await mkdir(join(root, name), { recursive: true });
}

/** Starts what a Service names as arguments, from the files of an image. It must be root who starts it. */
export function startFromImage(
  { config }: OciImage,
  root: string,
  args: readonly string[],
  environment: Record<string, string>,
): FunctionProcess {
  const [uid = '', gid = ''] = config.User.split(':');
  const its = config.Env.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
  const steps = [
    '/usr/bin/setpriv',
    '--no-new-privs',
    '/usr/bin/unshare',
    '--mount',
    '--propagation',
    'private',
  ];
  const command = [
    ...steps,
    '/bin/sh',
    '-c',
    script,
    'sh',
    root,
    config.WorkingDir,
    uid,
    gid,
    ...config.Entrypoint,
    ...args,
  ];
  return startCommand(command, { ...Object.fromEntries(its), ...environment });
}
