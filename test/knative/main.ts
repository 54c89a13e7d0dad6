import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const help = `npm run test:knative -- --kubeconfig FILE --image NAME:TAG [options] [vitest's own arguments]
npm run test:knative -- --kubeconfig FILE --release FOLDER --before FOLDER --registry NAME --load COMMAND --svid COMMAND

Installs kleym on a Knative cluster as docs/install.md says, proves that it works there, and removes it again.
It takes about an hour: scaling to zero and the sweep have their time.

  --kubeconfig FILE   of a cluster with Knative Serving and Eventing, for an administrator. kleym must not be on it.
                      Function pods, Knative's dispatchers and adapters are killed on purpose, and its sender
                      identities are switched on and off: no cluster that others use.
  --image NAME:TAG    the image of dist/ (see Dockerfile), where the cluster can pull it
  --svid COMMAND      prints the SPIFFE IDs that a container gets, one a line, when it is called with namespace, pod and
                      container; it ends with 0 where there are some, with 1 and without a word where there are none.
                      Without it nothing is asked of SPIRE. Its trust domain must be kleym.sonda.red, and its SPIRE
                      Controller Manager must act on ClusterSPIFFEIDs without a class.
  --broker NAME       in-memory (the default) or nats. With nats, Knative's NatsJetStreamChannel must be on the cluster, and
                      the pods of nats-server in the namespace nats-io with the label app=nats.
  --project NAME      one part only, and again for another: delivery, installation, behaviour, healing, deaths,
                      durable, namespaces, adapters, mistakes, identity, why, doctor, senders, trace, console, rest, removal

The second form installs from the files of two releases alone: the version before, an upgrade, a removal, install.yaml.
  --release FOLDER    what npm run release has written
  --before FOLDER     the same of a version before it
  --registry NAME     what is written for <YOUR-REGISTRY>
  --load COMMAND      puts an image where the cluster can pull it, when it is called with an OCI archive and NAME:TAG`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kubeconfig: { type: 'string' },
    image: { type: 'string' },
    svid: { type: 'string' },
    release: { type: 'string' },
    before: { type: 'string' },
    registry: { type: 'string' },
    load: { type: 'string' },
    broker: { type: 'string' },
    project: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
  },
});

const environment = toEnvironment();

if (values.help || environment === undefined) {
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
        ...environment,
        // What an event did not bring about, the sweep does within five minutes, or the one after it.
        KLEYM_TEST_PATIENCE_SECONDS: '660',
      },
    },
  );
  // The tests end themselves; the parent only must not go before them.
  process.on('SIGINT', () => undefined);
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}

/** What one of the two forms tells the tests; undefined: something is missing. */
function toEnvironment(): Readonly<Record<string, string>> | undefined {
  const { kubeconfig, image, svid, broker, release, before, registry, load } = values;
  if (kubeconfig === undefined) return undefined;
  const cluster = { KUBECONFIG: kubeconfig, KLEYM_TEST_KUBECONFIG: kubeconfig };
  if (release === undefined) {
    if (image === undefined) return undefined;
    return {
      ...cluster,
      KLEYM_TEST_IMAGE: image,
      ...(svid !== undefined && { KLEYM_TEST_SVID: svid }),
      ...(broker !== undefined && { KLEYM_TEST_BROKER: broker }),
    };
  }
  if (!before || !registry || !load || !svid) return undefined;
  return {
    ...cluster,
    KLEYM_TEST_RELEASE: resolve(release),
    KLEYM_TEST_RELEASE_BEFORE: resolve(before),
    KLEYM_TEST_REGISTRY: registry,
    KLEYM_TEST_LOAD: load,
    KLEYM_TEST_SVID: svid,
  };
}
