import { isLabelValue } from '../../shared/identity/object-names.ts';
import type {
  ObservedSettings,
  ResolveSettings,
  ResolvedSettings,
} from '../../shared/explain/settings/resolved-settings.ts';
import { parseTrustDomain } from '../../shared/identity/trust-domain.ts';
import type { FlagValues } from '../command-line/flags.ts';

export type SettingsFlags = Pick<
  FlagValues,
  'trust-domain' | 'class-name' | 'clusterspiffeid-class-name' | 'namespace-selector' | 'overlap-policy'
>;

/** The trust domain of an installation that nobody has set up. */
const defaultTrustDomain = 'kleym.sonda.red';

/** A flag wins over what the cluster says, and that over the default. */
export function resolveSettings(
  flags: SettingsFlags,
  observed: ObservedSettings | undefined,
): ResolvedSettings {
  const isDiscovered = Boolean(observed?.trustDomain);
  const found = isDiscovered ? 'bindingStatus' : 'default';
  const className = flags['class-name'] ?? flags['clusterspiffeid-class-name'];
  return {
    settings: {
      trustDomain: flags['trust-domain'] ?? (observed?.trustDomain || defaultTrustDomain),
      className: (className ?? (isDiscovered ? observed?.clusterSPIFFEIDClassName : undefined)) || undefined,
      namespaceSelector: flags['namespace-selector'] !== 'false',
      overlapPolicy: flags['overlap-policy'] === 'refuse' ? 'refuse' : 'report',
    },
    trustDomainSource: flags['trust-domain'] === undefined ? found : 'flag',
    classNameSource: className === undefined ? found : 'flag',
    isDiscovered,
  };
}

/** The same for who has yet to read what the cluster says. */
export function toResolve(flags: SettingsFlags): ResolveSettings {
  return (observed) => resolveSettings(flags, observed);
}

/** What is wrong with the flags, in one line. */
export function findWrongSetting(flags: SettingsFlags): string | undefined {
  const domain = parseTrustDomain(flags['trust-domain'] ?? defaultTrustDomain);
  if (domain.kind === 'refused') return `--trust-domain: ${domain.message}`;
  const className = flags['class-name'] ?? flags['clusterspiffeid-class-name'] ?? '';
  if (className === '' || isLabelValue(className)) return undefined;
  return `--class-name is "${className}": expected up to 63 letters, digits, ".", "_" and "-", beginning and ending with a letter or digit`;
}
