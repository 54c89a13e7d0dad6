/** The steps of a field as the API server spells it: `spec.list[0].labels[app.kubernetes.io/name]`. */
export function parseFieldPath(field: string): readonly (string | number)[] {
  return [...field.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, index, name]) => {
    if (index === undefined) return name ?? '';
    return /^\d+$/.test(index) ? Number(index) : index;
  });
}
