import { isSameJson } from './json.ts';
import { type KubeObject, type Metadata, isDeleting } from './kube-object.ts';
import type { FieldError, FieldReason } from './status-error.ts';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

// The wording of the real server, letter by letter, because people search for it.
const subdomainSays =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/** What is wrong with a name that must be a DNS subdomain (nearly all names are). */
export function subdomainErrors(name: string): string[] {
  if (name.length > 253) return ['must be no more than 253 characters'];
  return subdomain.test(name) ? [] : [subdomainSays];
}

const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

const dnsLabelSays =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/** What is wrong with a name that must be a DNS label (a namespace's). */
export function dnsLabelErrors(name: string): string[] {
  if (name.length > 63) return ['must be no more than 63 characters'];
  return dnsLabel.test(name) ? [] : [dnsLabelSays];
}

const qualifiedSays =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const qualifiedPart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

/** What is wrong with the key of a label, an annotation or a finalizer. */
export function qualifiedNameErrors(key: string): string[] {
  const parts = key.split('/');
  const [first = '', second] = parts;
  if (parts.length > 2) {
    return [
      `a valid label key ${qualifiedSays} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = second ?? first;
  const prefix = second === undefined ? [] : prefixErrors(first);
  if (name === '') return [...prefix, 'name part must be non-empty', `name part ${qualifiedSays}`];
  if (name.length > 63) return [...prefix, 'name part must be no more than 63 bytes'];
  return qualifiedPart.test(name) ? prefix : [...prefix, `name part ${qualifiedSays}`];
}

function prefixErrors(prefix: string): string[] {
  if (prefix === '') return ['prefix part must be non-empty'];
  return subdomainErrors(prefix).map((error) => `prefix part ${error}`);
}

const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const labelValueSays =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** What is wrong with the value of a label. */
export function labelValueErrors(value: string): string[] {
  if (value.length > 63) return ['must be no more than 63 bytes'];
  return labelValue.test(value) ? [] : [labelValueSays];
}

/** What is wrong with the metadata of any object. */
export function metadataErrors(metadata: Metadata, nameErrors: (name: string) => string[]): FieldError[] {
  const required = 'Required value: name or generateName is required';
  return [
    ...(metadata.name === ''
      ? [fieldError('metadata.name', 'FieldValueRequired', required)]
      : invalidValue('metadata.name', metadata.name, nameErrors(metadata.name))),
    ...labelErrors(metadata.labels ?? {}),
    ...annotationErrors(metadata.annotations ?? {}),
    ...(metadata.finalizers ?? []).flatMap((each) =>
      invalidValue('metadata.finalizers', each, qualifiedNameErrors(each)),
    ),
    ...ownerErrors(metadata.ownerReferences ?? []),
  ];
}

function fieldError(field: string, reason: FieldReason, message: string): FieldError {
  return { reason, message, field };
}

function invalidValue(field: string, value: string, says: readonly string[]): FieldError[] {
  return says.map((each) =>
    fieldError(field, 'FieldValueInvalid', `Invalid value: ${JSON.stringify(value)}: ${each}`),
  );
}

function labelErrors(labels: Record<string, string>): FieldError[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...invalidValue('metadata.labels', key, qualifiedNameErrors(key)),
    ...invalidValue('metadata.labels', value, labelValueErrors(value)),
  ]);
}

const mostAnnotationBytes = 256 * 1024;

function annotationErrors(annotations: Record<string, string>): FieldError[] {
  const keys = Object.keys(annotations).flatMap((key) =>
    invalidValue('metadata.annotations', key, qualifiedNameErrors(key.toLowerCase())),
  );
  const bytes = Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  if (bytes <= mostAnnotationBytes) return keys;
  const says = `Too long: may not be more than ${mostAnnotationBytes} bytes`;
  return [...keys, fieldError('metadata.annotations', 'FieldValueTooLong', says)];
}

function ownerErrors(owners: NonNullable<Metadata['ownerReferences']>): FieldError[] {
  return owners.flatMap((owner) =>
    ['apiVersion', 'kind', 'name', 'uid']
      .filter((field) => (owner[field] ?? '') === '')
      .flatMap((field) => invalidValue(`metadata.ownerReferences.${field}`, '', ['must not be empty'])),
  );
}

/** What is wrong with the way an update changes metadata. */
export function metadataUpdateErrors(next: Metadata, before: KubeObject): FieldError[] {
  const old = before.metadata;
  const errors: FieldError[] = [];
  if (isDeleting(before)) {
    const added = (next.finalizers ?? []).filter((each) => !(old.finalizers ?? []).includes(each));
    const says = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((each) => JSON.stringify(each)).join(', ')}}`;
    if (added.length > 0) errors.push(fieldError('metadata.finalizers', 'FieldValueForbidden', says));
  }
  for (const field of ['uid', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const) {
    const value = next[field];
    if (value !== undefined && !isSameJson(value, old[field]))
      errors.push(immutable(`metadata.${field}`, value));
  }
  return errors;
}

function immutable(field: string, value: string | number): FieldError {
  return fieldError(
    field,
    'FieldValueInvalid',
    `Invalid value: ${JSON.stringify(value)}: field is immutable`,
  );
}
