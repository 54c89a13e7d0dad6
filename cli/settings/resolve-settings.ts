import { isLabelValue } from '../../shared/identity/object-names.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { parseTrustDomain } from '../../shared/identity/trust-domain.ts';
import type { FlagValues } from '../command-line/flags.ts';

/** Where a setting comes from. */
type SettingSource = 'flag' | 'bindingStatus' | 'default';

/** How the installation is set up, as far as it is known. */
export interface ResolvedSettings {
  readonly settings: Settings;
  readonly trustDomainSource: SettingSource;
  readonly classNameSource: SettingSource;
  /** Whether a binding said it. */
  readonly isDiscovered: boolean;
}

/** What a status says of the settings by which it was written. */
export interface ObservedSettings {
  readonly trustDomain?: string | undefined;
  readonly clusterSPIFFEIDClassName?: string | undefined;
}

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

/** What is wrong with the flags, in one line. */
export function findWrongSetting(flags: SettingsFlags): string | undefined {
  const domain = parseTrustDomain(flags['trust-domain'] ?? defaultTrustDomain);
  if (domain.kind === 'refused') return `--trust-domain: ${domain.message}`;
  const className = flags['class-name'] ?? flags['clusterspiffeid-class-name'] ?? '';
  if (className === '' || isLabelValue(className)) return undefined;
  return `--class-name is "${className}": expected up to 63 letters, digits, ".", "_" and "-", beginning and ending with a letter or digit`;
}
