import type { Settings } from '../identity/settings.ts';

/** What is to be read. */
export interface Scope {
  readonly namespace: string;
  readonly names: readonly string[];
  readonly settings: Settings;
  /** Read the whole namespace, whatever the names are. Only this shows every overlap. */
  readonly isWhole: boolean;
}
