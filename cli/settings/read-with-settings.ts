import type { Snapshot } from '../../shared/decide/world.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { throwBindingsUnserved } from '../../shared/kube/read-guards.ts';
import type { Connection } from '../kube/connection.ts';
import type { Lacks } from '../kube/permissions.ts';
import { readNamespace } from '../kube/read-namespace.ts';
import { findObservedSettings } from './find-observed-settings.ts';
import { type SettingsFlags, resolveSettings } from './resolve-settings.ts';

/** The namespace of a connection, and the settings under which its bindings are evaluated. */
export async function readWithSettings(
  connection: Connection,
  lacks: Lacks,
  flags: SettingsFlags,
): Promise<{ readonly snapshot: Snapshot; readonly settings: Settings }> {
  const { cluster, namespace } = connection;
  const listed = await cluster.listBindings({ namespace });
  if (listed === 'unserved') return throwBindingsUnserved();
  const { settings } = resolveSettings(flags, findObservedSettings(listed.items));
  const reading = { settings, lacks, at: listed.at, known: listed.items };
  return { snapshot: await readNamespace(connection, reading), settings };
}
