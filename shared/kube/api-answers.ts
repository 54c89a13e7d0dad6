import { z } from 'zod';
import type { WriteResult } from './cluster.ts';
import { type ApiAnswer, toAftermath, toTitle } from './transport.ts';
import { describeIssues } from '../text/describe-issues.ts';
import { parseJson } from '../text/parse-json.ts';
import { shorten } from '../text/shorten.ts';
import { ForbiddenError, UncertainError } from '../api/uncertain-error.ts';

/** The parts that we read of a `Status`, which is how the API server says no. */
const ApiStatus = z.object({
  kind: z.literal('Status'),
  reason: z.string().optional(),
  message: z.string().optional(),
  details: z
    .object({
      name: z.string().optional(),
      causes: z.array(z.object({ field: z.string().optional() })).optional(),
    })
    .optional(),
});
type ApiStatus = z.infer<typeof ApiStatus>;

/** The object in an answer. A body of another shape is a fault in the server's schema or in ours, and is thrown. */
export function decode<T>(schema: z.ZodType<T>, answer: ApiAnswer): T {
  return decodeAs(schema, parseBody(answer), () => toTitle(answer.call));
}

/** The same for a part of an answer; `title` says in messages which. */
export function decodeAs<T>(schema: z.ZodType<T>, value: unknown, title: () => string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(
    `${title()}: the object does not have the expected shape: ${describeIssues(parsed.error)}`,
    {
      cause: parsed.error,
    },
  );
}

/** The API server's clock, when it answered. */
export function toServerTime(answer: ApiAnswer): string {
  const time = Date.parse(answer.headers['date'] ?? '');
  if (Number.isNaN(time))
    throw new Error(`${toTitle(answer.call)}: the answer has no Date header to tell the time by`);
  return new Date(time).toISOString();
}

/** What an answer to a GET of one object says; `elsewhere`: nothing about that object, its resource may be missing. */
export function toFound<T>(
  schema: z.ZodType<T>,
  name: string,
  answer: ApiAnswer,
): T | 'absent' | 'elsewhere' {
  if (answer.status === 200) return decode(schema, answer);
  if (answer.status !== 404) throw toUncertain(answer);
  // Only this proves absence: a plain 404 comes from a server that does not (yet) know the resource.
  return toStatus(answer)?.details?.name === name ? 'absent' : 'elsewhere';
}

/** What became of a write, by the answer to it. */
export function toWritten<T>(schema: z.ZodType<T>, answer: ApiAnswer): WriteResult<T> {
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: 'written', object: decode(schema, answer) };
  return toRefusal(answer);
}

/** The same where the answer's body says nothing of interest. */
export function toAccepted(answer: ApiAnswer): WriteResult<undefined> {
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: 'written', object: undefined };
  return toRefusal(answer);
}

function toRefusal(answer: ApiAnswer): WriteResult<never> {
  const said = toStatus(answer);
  switch (answer.status) {
    case 404:
      return { kind: 'stale' };
    case 409:
      return { kind: answer.call.method === 'POST' && said?.reason === 'AlreadyExists' ? 'exists' : 'stale' };
    case 403:
      return { kind: 'rejected', forbidden: true, message: toWords(answer) };
    case 422:
      if (isAboutAnotherObject(said)) return { kind: 'stale' };
      return { kind: 'rejected', forbidden: false, message: toWords(answer) };
    case 400:
    case 413:
      return { kind: 'rejected', forbidden: false, message: toWords(answer) };
    default:
      throw toUncertain(answer);
  }
}

/** A merge patch with the uid of a predecessor is answered "field is immutable" where its resourceVersion fits. */
function isAboutAnotherObject(said: ApiStatus | undefined): boolean {
  const causes = said?.details?.causes ?? [];
  return causes.length > 0 && causes.every(({ field }) => field === 'metadata.uid');
}

/** The error for an answer that leaves open what we asked. */
export function toUncertain(answer: ApiAnswer): UncertainError {
  const { call, status } = answer;
  const title = `${toTitle(call)}: answered ${status}`;
  const words = toWords(answer);
  switch (status) {
    case 401:
      return new UncertainError(
        `${title}, the API server does not accept the token; check that it exists and has not expired (${words})`,
      );
    case 403:
      return new ForbiddenError(
        `${title}, kleym lacks the permission; check the role and the role binding of its account (${words})`,
        call,
      );
    case 429:
      return new UncertainError(`${title}, the API server is busy (${words})`);
    default:
      return new UncertainError(`${title} (${words})${status >= 500 ? toAftermath(call) : ''}`);
  }
}

/** Does the answer say that bindings cannot be selected by this field? */
export function isUnsupportedField(answer: ApiAnswer): boolean {
  return answer.status === 400 && toWords(answer).includes('field label not supported');
}

function toStatus(answer: ApiAnswer): ApiStatus | undefined {
  return ApiStatus.safeParse(parseJson(answer.text)).data;
}

/** What is refused for a large value repeats it, and a status that quotes it all would be refused itself. */
const longestWords = 1000;

/** The server's own words; of a proxy's page the beginning will do. */
function toWords(answer: ApiAnswer): string {
  const message = toStatus(answer)?.message;
  return message === undefined ? answer.text.trim().slice(0, 200) : shorten(message, longestWords);
}

function parseBody({ call, status, text }: ApiAnswer): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${toTitle(call)}: answered ${status} with a body that is not JSON`, { cause: error });
  }
}
