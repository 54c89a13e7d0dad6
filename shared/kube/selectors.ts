import type { Binding, BindingField } from '../api/binding.ts';
import type { FieldQueries, FieldQuery, LabelQuery } from './cluster.ts';

/** The query by which a list is narrowed to labels; no labels, no query. */
export function toLabelSelector(labels: LabelQuery): { labelSelector?: string } {
  const terms = Object.entries(labels).map(([label, value]) => toTerm(label, value));
  return terms.length === 0 ? {} : { labelSelector: terms.join(',') };
}

function toTerm(label: string, value: LabelQuery[string]): string {
  if (value === undefined) return `!${label}`;
  if (typeof value === 'string') return `${label}=${value}`;
  if ('notIn' in value) return `${label} notin (${value.notIn.join(',')})`;
  // The API server refuses an empty set; this says the same: nothing is one of no values.
  if (value.length === 0) return `${label},!${label}`;
  return `${label} in (${value.join(',')})`;
}

/** A field selector in which the value means itself: commas, equal signs and backslashes have a meaning there. */
export function toFieldSelector(fields: FieldQueries): string {
  return [fields].flat().map(toFieldTerms).join(',');
}

function toFieldTerms(field: FieldQuery): string {
  if ('value' in field) return `${field.path}=${escape(field.value)}`;
  return field.notIn.map((value) => `${field.path}!=${escape(value)}`).join(',');
}

function escape(value: string): string {
  return value.replaceAll(/[\\,=]/g, String.raw`\$&`);
}

/** Whether a binding is what a query asks for. */
export function isSelected(binding: Binding, fields: FieldQueries): boolean {
  return [fields].flat().every((field) => {
    const value = toFieldValue(binding, field.path);
    return 'value' in field ? value === field.value : !field.notIn.includes(value);
  });
}

/** What a binding has in a field; a field that is not set matches the empty value, as on the API server. */
function toFieldValue({ metadata, spec, status }: Binding, path: BindingField): string {
  switch (path) {
    case 'metadata.name':
      return metadata.name;
    case 'spec.poolRef.name':
      return spec.poolRef.name;
    case 'spec.objectiveRef.name':
      return spec.objectiveRef?.name ?? '';
    case 'spec.serviceAccountName':
      return spec.serviceAccountName;
    case 'status.claim.serviceAccountName':
      return status?.claim?.serviceAccountName ?? '';
    case 'status.claim.kind':
      return status?.claim?.kind ?? '';
    case 'status.keyDigest':
      return status?.keyDigest ?? '';
    case 'status.keyShape':
      return status?.keyShape ?? '';
  }
}
