import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CannotBuildError, type GoPart, type Workshop, buildGoPart } from './go-part.ts';

/** The programs that a control plane consists of, as paths. */
export interface ControlPlanePrograms {
  readonly etcd: string;
  readonly kubeApiserver: string;
}

/** The Kubernetes minors that we are tested on; each has a folder with its go.mod. */
const kubernetesVersions: Readonly<Record<string, string>> = {
  '1.36': 'v1.36.3',
  '1.35': 'v1.35.4',
  '1.34': 'v1.34.4',
};
const usualMinor = '1.35';
const etcdVersion = 'v3.6.16';

/** Finds or builds etcd and kube-apiserver: those of KUBEBUILDER_ASSETS, else of the minor that KLEYM_KUBERNETES names. */
export async function provideControlPlane(workshop: Workshop): Promise<ControlPlanePrograms> {
  const { env } = workshop;
  const assets = env['KUBEBUILDER_ASSETS'];
  if (assets) return findAssets(assets);
  const minor = env['KLEYM_KUBERNETES'] || usualMinor;
  const version = kubernetesVersions[minor];
  if (version === undefined) {
    const known = Object.keys(kubernetesVersions).join(', ');
    throw new CannotBuildError(`KLEYM_KUBERNETES is ${JSON.stringify(minor)}, expected one of ${known}`);
  }
  const etcd = await buildGoPart(etcdPart, workshop);
  return { etcd, kubeApiserver: await buildGoPart(kubeApiserverPart(minor, version), workshop) };
}

function findAssets(folder: string): ControlPlanePrograms {
  const [etcd, kubeApiserver] = [join(folder, 'etcd'), join(folder, 'kube-apiserver')];
  const missing = [etcd, kubeApiserver].filter((path) => !existsSync(path));
  if (missing.length === 0) return { etcd, kubeApiserver };
  throw new CannotBuildError(`KUBEBUILDER_ASSETS is ${folder}, but there is no ${missing.join(' and no ')}`);
}

const modules = join(import.meta.dirname, 'control-plane');

const etcdPart: GoPart = {
  name: 'etcd',
  version: etcdVersion,
  folder: join(modules, 'etcd'),
  package: 'go.etcd.io/etcd/server/v3',
  ldflags: '',
};

function kubeApiserverPart(minor: string, version: string): GoPart {
  const [gitMajor, gitMinor] = minor.split('.');
  // Unstamped it would call itself v0.0.0, and clients and feature gates ask for its version.
  const stamps = { gitVersion: version, gitMajor, gitMinor };
  const ldflags = Object.entries(stamps).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
  return {
    name: 'kube-apiserver',
    version,
    folder: join(modules, `kubernetes-${minor}`),
    package: 'k8s.io/kubernetes/cmd/kube-apiserver',
    ldflags: ldflags.join(' '),
  };
}
