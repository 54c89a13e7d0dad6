import { selectorPrefixes } from '../../identity/workload-selectors.ts';
import { type Pod, type RunningContainer, serviceAccountOf } from './pod.ts';

/** What a selector is about. */
type SelectorKind = 'namespace' | 'serviceAccount' | 'podLabel' | 'container' | 'image' | 'unknown';

/** A selector, held against a container. */
export interface Check {
  readonly kind: SelectorKind;
  /** Of a label, its key. */
  readonly key?: string;
  readonly wanted: string;
  /** Undefined: it has none. */
  readonly found: string | undefined;
  readonly matches: boolean;
}

/** Holds every selector of an identity against a container: it gets the identity if it matches all of them. */
export function matchSelectors(
  selectors: readonly string[],
  pod: Pod,
  container: RunningContainer,
): readonly Check[] {
  return selectors.map((selector) => matchSelector(selector, pod, container));
}

function matchSelector(selector: string, pod: Pod, container: RunningContainer): Check {
  const { namespace, serviceAccount, podLabel, container: name, image } = selectorPrefixes;
  const behind = (prefix: string) => selector.slice(prefix.length);
  if (selector.startsWith(namespace)) return check('namespace', behind(namespace), pod.metadata.namespace);
  if (selector.startsWith(serviceAccount))
    return check('serviceAccount', behind(serviceAccount), serviceAccountOf(pod));
  if (selector.startsWith(podLabel)) return checkLabel(behind(podLabel), pod);
  if (selector.startsWith(name)) return check('container', behind(name), container.name);
  if (selector.startsWith(image)) return checkImage(behind(image), container);
  return { kind: 'unknown', wanted: selector, found: undefined, matches: false };
}

function check(kind: SelectorKind, wanted: string, found: string | undefined): Check {
  return { kind, wanted, found, matches: wanted === found };
}

/** A key has no colon in it, a value has none either. */
function checkLabel(text: string, { metadata }: Pod): Check {
  const colon = text.indexOf(':');
  const key = text.slice(0, colon);
  return { ...check('podLabel', text.slice(colon + 1), metadata.labels?.[key]), key };
}

function checkImage(wanted: string, { images, wantedImage }: RunningContainer): Check {
  const matches = images.includes(wanted);
  const said = images.at(-1) ?? (wantedImage === undefined ? undefined : `${wantedImage} (not reported yet)`);
  return { kind: 'image', wanted, found: matches ? wanted : said, matches };
}

/** Whether all selectors match. */
export function isMatch(checks: readonly Check[]): boolean {
  return checks.every(({ matches }) => matches);
}

/** A check in words, such as `container name "chta" ≠ "chat"`. */
export function toCheckWords({ kind, key, wanted, found, matches }: Check): string {
  const subject = toSubject(kind, key);
  if (matches) return `${subject} "${wanted}"`;
  return found === undefined
    ? `${subject} is missing, wanted "${wanted}"`
    : `${subject} "${found}" ≠ "${wanted}"`;
}

function toSubject(kind: SelectorKind, key: string | undefined): string {
  switch (kind) {
    case 'namespace':
      return 'namespace';
    case 'serviceAccount':
      return 'service account';
    case 'podLabel':
      return `label ${key}`;
    case 'container':
      return 'container name';
    case 'image':
      return 'image';
    case 'unknown':
      return 'a selector that this command does not know';
  }
}
