import { mkdtemp, readFile, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parse, stringify } from 'yaml';
import { type Kustomization, manifestsFolder } from '../support/kustomization.ts';
import { broker } from './broker.ts';

/** What a platform team puts into its copy of the example. */
export interface OverlayValues {
  readonly image: string;
  readonly trustDomain: string;
  /** The class of SPIRE Controller Manager; that of these tests has none. */
  readonly className?: string;
  /** Settings beside these. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Components beside those that every installation of these tests has. */
  readonly components?: readonly string[];
  /** Components of those that this one has not. */
  readonly without?: readonly string[];
}

/** Copies the example overlay as its first line says, changes what is ours, and returns the copy's folder. */
export async function writeOverlay({
  image,
  trustDomain,
  className = '',
  settings = {},
  components: more = [],
  without = [],
}: OverlayValues): Promise<string> {
  const example = join(manifestsFolder, 'overlays', 'example');
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'kleym-overlay-')));
  const toManifests = relative(folder, manifestsFolder);
  const at = (path: string) => path.replace(/^\.\.\/\.\./, toManifests);
  const config = await readFile(join(example, 'config.env'), 'utf8');
  await writeFile(
    join(folder, 'config.env'),
    config
      .replace(/^(KLEYM_TRUST_DOMAIN=).*/m, `$1${trustDomain}`)
      .replace(/^(KLEYM_CLUSTERSPIFFEID_CLASS_NAME=).*/m, `$1${className}`)
      .concat(...Object.entries(settings).map(([name, value]) => `\n${name}=${value}\n`)),
  );
  const text = await readFile(join(example, 'kustomization.yaml'), 'utf8');
  const { resources = [], components = [], images = [], ...rest } = parse(text) as Kustomization;
  const [newName = '', newTag = ''] = splitTag(image);
  const kustomization = {
    ...rest,
    resources: resources.map(at),
    components: [
      ...components,
      ...['pools-x-k8s', 'objectives-x-k8s', ...broker.components, ...more]
        .filter((name) => !without.includes(name))
        .map((name) => `../../components/${name}`),
    ].map(at),
    images: images.map(({ name }) => ({ name, newName, newTag })),
  };
  await writeFile(join(folder, 'kustomization.yaml'), stringify(kustomization));
  return folder;
}

function splitTag(image: string): string[] {
  const [, name = image, tag = 'latest'] = /^(.*):([^:/]+)$/.exec(image) ?? [];
  return [name, tag];
}
