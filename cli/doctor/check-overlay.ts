import type { z } from 'zod';
import { findWrongSettings } from '../../shared/runtime/config.ts';
import { partOfKleym } from '../../shared/explain/status/knative-service.ts';
import type { Manifest, Source } from '../manifests/parse-manifests.ts';
import { type Settings, checkPolicies, findSettings, inConfigEnv, toSettingsSaid } from './check-settings.ts';
import type { Check } from './doctor-facts.ts';
import {
  ConfigMap,
  Policy,
  Service,
  brokerNames,
  functionNames,
  pingNames,
  triggerNames,
} from './installation.ts';
import type { Overlay } from './read-overlay.ts';

const classVariable = 'KLEYM_CLUSTERSPIFFEID_CLASS_NAME';

/** Whether an overlay is one that can be applied: nothing of the example is left in it, and nothing is missing. */
export function checkOverlay({ manifests, texts }: Overlay): Check[] {
  const services = parseAll(manifests, 'serving.knative.dev/v1', 'Service', Service).filter(isOurs);
  const checks = [
    ...checkPlaceholders(manifests),
    ...checkParts(manifests),
    ...checkImages(services),
    ...checkSettings(manifests, services, texts),
  ];
  return checks.map(({ written, ...check }) => {
    const place = written && findPlace(texts, written);
    return place === undefined ? check : { ...check, place };
  });
}

/** An overlay may bring Services of somebody else's along. */
function isOurs({ metadata: { labels = {} } }: Service): boolean {
  return Object.entries(labels).some(([key, value]) => `${key}=${value}` === partOfKleym);
}

/** A check, with how the line begins or what it has in it that somebody would have to change. */
type Unplaced = Check & { readonly written?: RegExp };

function parseAll<T>(
  manifests: readonly Manifest[],
  apiVersion: string,
  kind: string,
  schema: z.ZodType<T>,
): readonly T[] {
  return manifests
    .filter((one) => one.apiVersion === apiVersion && one.kind === kind)
    .flatMap(({ value }) => schema.safeParse(value).data ?? []);
}

const placeholderPattern = /<YOUR-[A-Z-]+>/g;

function checkPlaceholders(manifests: readonly Manifest[]): Unplaced[] {
  const text = JSON.stringify(manifests.map(({ value }) => value));
  return [...new Set(text.match(placeholderPattern))].toSorted().map((placeholder) => ({
    area: 'settings',
    status: 'error',
    message: `${placeholder} of the example is still there`,
    advice: 'write your own value in its place',
    // In the example's comments there is `<…>` alone.
    written: new RegExp(placeholder),
  }));
}

function checkParts(manifests: readonly Manifest[]): Unplaced[] {
  const parts = [
    { kind: 'Service', group: 'serving.knative.dev', names: functionNames, area: 'functions' },
    { kind: 'Broker', group: 'eventing.knative.dev', names: brokerNames, area: 'events' },
    { kind: 'Trigger', group: 'eventing.knative.dev', names: triggerNames, area: 'events' },
    { kind: 'PingSource', group: 'sources.knative.dev', names: pingNames, area: 'events' },
  ] as const;
  return parts.map(({ kind, group, names, area }) => {
    const found = manifests.filter((one) => one.kind === kind && one.apiVersion.startsWith(`${group}/`));
    const missing = names.filter((name) => !found.some((one) => one.name === name));
    if (missing.length === 0)
      return { area, status: 'ok', message: `all of kleym's ${kind}s are there: ${names.length}` };
    const message = `the overlay makes no ${kind} ${missing.join(', ')}`;
    return { area, status: 'error', message, advice: 'let it begin with the resource ../../base' };
  });
}

/** As registries take it: a name in small letters, then a tag or a digest or both. */
const imagePattern =
  /^(?<name>[a-z0-9._-]+(?::\d+)?(?:\/[a-z0-9._-]+)*)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$/;

function checkImages(services: readonly Service[]): Unplaced[] {
  const images = [
    ...new Set(
      services.flatMap(({ spec }) => spec.template.spec.containers.flatMap(({ image }) => image ?? [])),
    ),
  ];
  return images.filter((image) => !image.match(placeholderPattern)).map(checkImage);
}

function checkImage(image: string): Unplaced {
  const area = 'functions';
  const { name = '', tag, digest } = imagePattern.exec(image)?.groups ?? {};
  if (name === '')
    return {
      area,
      status: 'error',
      message: `the image ${JSON.stringify(image)} is none that a registry can have`,
      advice: 'images in kustomization.yaml: newName is registry/repository in small letters, newTag the tag',
      written: /^\s*(- )?(newName|newTag|digest|image):/,
    };
  if (!name.includes('/'))
    return {
      area,
      status: 'error',
      message: `the image is "${image}": kubelet would look for it on Docker Hub, where it is not`,
      advice: 'name your registry under images in kustomization.yaml, as overlays/example does',
      written: /^images:|^\s*image:/,
    };
  if (digest === undefined && (tag === undefined || tag === 'latest'))
    return {
      area,
      status: 'warning',
      message: `the image ${image} has no tag but latest: the next Revision may be another version than its manifests`,
      advice: 'name the version under images in kustomization.yaml',
      written: /^\s*newTag:|^\s*(- )?newName:|^\s*image:/,
    };
  return { area, status: 'ok', message: `the image is ${image}` };
}

function checkSettings(
  manifests: readonly Manifest[],
  services: readonly Service[],
  texts: readonly Source[],
): Unplaced[] {
  const configMaps = parseAll(manifests, 'v1', 'ConfigMap', ConfigMap);
  const settings = services.map(({ metadata: { name } }) => ({
    name,
    values: findSettings(name, services, configMaps),
  }));
  const lost = settings.filter(({ values }) => values === undefined).map(({ name }) => name);
  const values = settings.map((one) => one.values).find((one) => one !== undefined);
  const policies = parseAll(
    manifests,
    'admissionregistration.k8s.io/v1',
    'ValidatingAdmissionPolicy',
    Policy,
  );
  return [
    ...(lost.length === 0 ? [] : [toLost(lost)]),
    ...(values === undefined
      ? []
      : [...checkValues(values), ...checkClass(values, texts), ...checkPolicies({ policies }, values)]),
  ];
}

function toLost(names: readonly string[]): Unplaced {
  return {
    area: 'settings',
    status: 'error',
    message: `the ConfigMap of function ${names.join(', ')} is not made by the overlay`,
    advice: 'generate kleym-config with behavior: merge, as overlays/example does',
    written: /^configMapGenerator:/,
  };
}

/** A placeholder is told of by itself. */
function checkValues(values: Settings): Unplaced[] {
  const wrong = findWrongSettings(values);
  if (wrong.length === 0) return [toSettingsSaid(values)];
  return wrong
    .filter(({ variable }) => !values[variable]?.match(placeholderPattern))
    .map(({ variable, message }) => ({
      area: 'settings',
      status: 'error',
      message,
      advice: /^["']|["']$|\s/.test(values[variable] ?? '')
        ? 'config.env takes a line as it is: leave out quotes, blanks and comments'
        : inConfigEnv,
      written: lineOf(variable),
    }));
}

/** A forgotten class gives bindings that are Ready, and workloads without an identity. */
function checkClass(values: Settings, texts: readonly Source[]): Unplaced[] {
  if (values[classVariable]) return [];
  const isMeant = findPlace(texts, lineOf(classVariable)) !== undefined;
  if (isMeant)
    return [
      {
        area: 'settings',
        status: 'unknown',
        message: 'the outputs get no class: right only where SPIRE Controller Manager has no className',
        written: lineOf(classVariable),
      },
    ];
  return [
    {
      area: 'settings',
      status: 'error',
      message: `nobody says which class the outputs get: the overlay does not mention ${classVariable}`,
      advice: `write ${classVariable}= into its config.env, with the className of your SPIRE Controller Manager, or with nothing if it has none`,
    },
  ];
}

/** In a config.env, among literals, or in a ConfigMap. */
function lineOf(variable: string): RegExp {
  return new RegExp(`^[\\s"'-]*${variable}\\s*[=:]`);
}

/** The last one counts: in files of the kind of config.env it wins. */
function findPlace(texts: readonly Source[], written: RegExp): string | undefined {
  const places = texts.flatMap(({ file, text }) =>
    text.split('\n').flatMap((line, index) => (written.test(line) ? [`${file}:${index + 1}`] : [])),
  );
  return places.at(-1);
}
