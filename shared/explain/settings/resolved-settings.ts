import type { Settings } from '../../identity/settings.ts';

/** Where a setting comes from. */
type SettingSource = 'flag' | 'bindingStatus' | 'configuration' | 'default';

/** How the installation is set up, as far as it is known. */
export interface ResolvedSettings {
  readonly settings: Settings;
  readonly trustDomainSource: SettingSource;
  readonly classNameSource: SettingSource;
  /** Whether a binding said it, or whoever configures the functions. */
  readonly isDiscovered: boolean;
}

/** What a status says of the settings by which it was written. */
export interface ObservedSettings {
  readonly trustDomain?: string | undefined;
  readonly clusterSPIFFEIDClassName?: string | undefined;
}

/** What is taken for the settings, seen what the statuses of bindings say. */
export type ResolveSettings = (observed: ObservedSettings | undefined) => ResolvedSettings;
