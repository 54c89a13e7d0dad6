import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const help = `npm run test:knative -- --kubeconfig FILE --image NAME:TAG [options] [vitest's own arguments]

Installs kleym on a Knative cluster as docs/install.md says, proves that it works there, and removes it again.
It takes about half an hour: scaling to zero and the sweep have their time.

  --kubeconfig FILE   of a cluster with Knative Serving and Eventing, for an administrator. kleym must not be on it.
                      Function pods, Knative's dispatchers and adapters are killed on purpose, and its sender
                      identities are switched on and off: no cluster that others use.
  --image NAME:TAG    the image of dist/ (see Dockerfile), where the cluster can pull it
  --svid COMMAND      prints the SPIFFE IDs that a container gets, one a line, when it is called with namespace, pod and
                      container; it ends with 0 where there are some, with 1 and without a word where there are none.
                      Without it nothing is asked of SPIRE. Its trust domain must be kleym.sonda.red, and its SPIRE
                      Controller Manager must act on ClusterSPIFFEIDs without a class.
  --project NAME      one part only, and again for another: delivery, installation, behaviour, healing, deaths,
                      mistakes, identity, why, doctor, senders, rest, removal`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kubeconfig: { type: 'string' },
    image: { type: 'string' },
    svid: { type: 'string' },
    project: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
  },
});

if (values.help || values.kubeconfig === undefined || values.image === undefined) {
  process.stdout.write(`${help}\n`);
  process.exitCode = values.help ? 0 : 2;
} else {
  const root = join(import.meta.dirname, '..', '..');
  const projects = values.project.map((name) => `--project=${name}`);
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const child = spawn(
    process.execPath,
    [vitest, 'run', '--config', 'test/knative/vitest.config.ts', ...projects, ...positionals],
    {
      cwd: root,
      stdio: 'inherit',
      env: {
        ...process.env,
        KUBECONFIG: values.kubeconfig,
        KLEYM_TEST_KUBECONFIG: values.kubeconfig,
        KLEYM_TEST_IMAGE: values.image,
        // What an event did not bring about, the sweep does within five minutes, or the one after it.
        KLEYM_TEST_PATIENCE_SECONDS: '660',
        ...(values.svid !== undefined && { KLEYM_TEST_SVID: values.svid }),
      },
    },
  );
  // The tests end themselves; the parent only must not go before them.
  process.on('SIGINT', () => undefined);
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
