type Query = Readonly<Record<string, string | number | undefined>>;

/** A path of the console. Parameters that say nothing are left out. */
export function toPath(segments: readonly string[], query: Query = {}): string {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== '') said.set(name, String(value));
  const text = said.toString();
  return `/${segments.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
}

/** Where a namespace is drawn. */
export function toNamespacePath(namespace: string, query: Query = {}): string {
  return toPath(['namespaces', namespace], query);
}

/** Where all is said of a binding. */
export function toBindingPath(namespace: string, name: string): string {
  return toPath(['namespaces', namespace, 'bindings', name]);
}

/** Where bindings are found. */
export function toSearchPath(query: Query): string {
  return toPath(['search'], query);
}
