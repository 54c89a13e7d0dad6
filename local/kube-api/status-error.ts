import type { JsonObject } from './json.ts';

export type FieldReason =
  | 'FieldValueRequired'
  | 'FieldValueInvalid'
  | 'FieldValueTypeInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueDuplicate'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany';

/** One thing that is wrong with one field, worded as the real server words it. */
export type FieldError = { reason: FieldReason; message: string; field: string };

export type Status = JsonObject & { code: number; message: string };

/**
 * An answer other than success. It is thrown, and caught in one place, because it ends a request
 * wherever it is found: in a selector, a schema, a precondition.
 */
export class StatusError extends Error {
  readonly status: Status;
  readonly headers: Record<string, string>;

  constructor(
    code: number,
    reason: string,
    message: string,
    details?: JsonObject,
    metadata: JsonObject = {},
  ) {
    super(message);
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata,
      status: 'Failure',
      message,
      ...(reason === '' ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    };
    const seconds = details?.['retryAfterSeconds'];
    this.headers = seconds === undefined ? {} : { 'retry-after': String(seconds) };
  }
}

/** A kind of object as errors name it: by its plural where a resource is meant, by its kind where an object is. */
export interface Named {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

export function notFound(named: Named, name: string): StatusError {
  const message = `${qualified(named.plural, named.group)} "${name}" not found`;
  return new StatusError(404, 'NotFound', message, detailsOf(named, name));
}

function qualified(name: string, group: string): string {
  return group === '' ? name : `${name}.${group}`;
}

function detailsOf({ group, plural }: Named, name: string): JsonObject {
  return { name, ...(group === '' ? {} : { group }), kind: plural };
}

export function alreadyExists(named: Named, name: string, prefix = ''): StatusError {
  const message = `${prefix}${qualified(named.plural, named.group)} "${name}" already exists`;
  return new StatusError(409, 'AlreadyExists', message, detailsOf(named, name));
}

export function conflict(named: Named, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(named.plural, named.group)} "${name}": ${why}`;
  return new StatusError(409, 'Conflict', message, detailsOf(named, name));
}

/** The real server names the kind, not the plural, when a deletion's precondition fails. */
export function failedPrecondition(named: Named, name: string, why: string): StatusError {
  return conflict({ ...named, plural: named.kind }, name, why);
}

export function forbidden(named: Named, name: string, why: string, causes?: JsonObject[]): StatusError {
  const message = `${qualified(named.plural, named.group)} "${name}" is forbidden: ${why}`;
  return new StatusError(403, 'Forbidden', message, {
    ...detailsOf(named, name),
    ...(causes ? { causes } : {}),
  });
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

export function invalid(
  kind: string,
  group: string,
  name: string,
  errors: readonly FieldError[],
): StatusError {
  const said = [...new Set(errors.map(({ field, message }) => `${field}: ${message}`))];
  const list = said.length === 1 ? said[0] : `[${said.join(', ')}]`;
  const details = {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind,
    causes: [...errors],
  };
  return new StatusError(422, 'Invalid', `${qualified(kind, group)} "${name}" is invalid: ${list}`, details);
}

/** A query parameter that the real server validates as if it were an object. */
export function invalidOptions(
  kind: string,
  field: string,
  reason: FieldReason,
  message: string,
): StatusError {
  return invalid(kind, 'meta.k8s.io', '', [{ reason, message, field }]);
}

export function gone(message: string, metadata: JsonObject = {}): StatusError {
  return new StatusError(410, 'Expired', message, undefined, metadata);
}

export function tooLargeResourceVersion(asked: number, current: number): StatusError {
  return new StatusError(
    504,
    'Timeout',
    `Timeout: Too large resource version: ${asked}, current: ${current}`,
    {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  );
}

export function methodNotAllowed(): StatusError {
  return new StatusError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );
}

export function unknownResource(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new StatusError(415, 'UnsupportedMediaType', message);
}

/** What a real server does and this one does not; it says so rather than pretend. */
export function notImplemented(what: string): StatusError {
  return new StatusError(501, 'NotImplemented', `the embedded cluster does not implement ${what}`);
}
