import type { Snapshot } from '../../decide/world.ts';
import type { Settings } from '../../identity/settings.ts';
import { throwBindingsUnserved } from '../../kube/read-guards.ts';
import type { Lacks } from '../kube/permissions.ts';
import type { Reader } from '../kube/reader.ts';
import { readNamespace } from '../kube/read-namespace.ts';
import { findObservedSettings } from './find-observed-settings.ts';
import type { ResolveSettings } from './resolved-settings.ts';

/** The namespace of a reader, and the settings under which its bindings are evaluated. */
export async function readWithSettings(
  reader: Reader,
  lacks: Lacks,
  resolve: ResolveSettings,
): Promise<{ readonly snapshot: Snapshot; readonly settings: Settings }> {
  const { cluster, namespace } = reader;
  const listed = await cluster.listBindings({ namespace });
  if (listed === 'unserved') return throwBindingsUnserved();
  const { settings } = resolve(findObservedSettings(listed.items));
  const reading = { settings, lacks, at: listed.at, known: listed.items };
  return { snapshot: await readNamespace(reader, reading), settings };
}
