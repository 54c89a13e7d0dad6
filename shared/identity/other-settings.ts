import type { BindingStatus } from '../api/binding.ts';
import type { Settings } from './settings.ts';

type Configured = Pick<BindingStatus, 'trustDomain' | 'clusterSPIFFEIDClassName'>;

/** The settings that a status was written with, in words, where they are others. Undefined: they are these, or not known. */
export function findOtherSettings(
  { trustDomain, clusterSPIFFEIDClassName: className }: Configured = {},
  settings: Settings,
): string | undefined {
  if (trustDomain === undefined) return undefined;
  if (trustDomain === settings.trustDomain && className === settings.className) return undefined;
  return `trust domain ${trustDomain} and ${className === undefined ? 'no class' : `class ${className}`}`;
}
