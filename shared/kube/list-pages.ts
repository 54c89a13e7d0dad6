import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { decode, decodeAs, toServerTime, toUncertain } from './api-answers.ts';
import type { PartialList } from './cluster.ts';
import { type SeenPage, toPageSize, toSmallerSize } from './page-size.ts';
import { type ApiAnswer, TooLongError, type Transport, toTitle } from './transport.ts';

const Page = z.object({
  metadata: z
    .object({
      continue: z.string().optional(),
      resourceVersion: z.string().optional(),
      remainingItemCount: z.number().optional(),
    })
    .optional(),
  items: z.array(z.unknown()).nullable(),
});

const NamedItem = z.object({ metadata: z.object({ namespace: z.string().optional(), name: z.string() }) });

/** A list to its end or as far as it was wanted, or the answer that ended it early. */
export type Paged<T> = { readonly kind: 'listed'; readonly listed: PartialList<T> } | Ended;
interface Ended {
  readonly kind: 'ended';
  readonly answer: ApiAnswer;
}

/** A list to be read. */
export interface List {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Which state may be read; the pages behind the first are of the same one. */
  readonly state?: Readonly<Record<string, string>> | undefined;
  /** More items than this are not wanted; where that is few, they are asked for in one request. */
  readonly most?: number | undefined;
  /** Hears that the state is settled which all pages show: the first page was answered. Again, if the list is started again. */
  readonly onState?: (() => void) | undefined;
}

const mostStarts = 3;

/** For so long at once a list may keep the thread: requests, timers and probes wait as long. */
const turnMs = 10;

/**
 * Reads a list page by page. All pages show the cluster at the time of the first, so the clock is the first one's.
 * A token that expired on the way (410) gives no such view any more: the list is started again.
 */
export async function listPages<T>(
  transport: Transport,
  list: List,
  schema: z.ZodType<T>,
): Promise<Paged<T>> {
  for (let start = 1; ; start += 1) {
    const paged = await listOnce(transport, list, schema);
    if (paged.kind === 'listed' || paged.answer.status !== 410) return paged;
    if (start === mostStarts) throw toUncertain(paged.answer);
  }
}

async function listOnce<T>(transport: Transport, list: List, schema: z.ZodType<T>): Promise<Paged<T>> {
  const { most = Infinity } = list;
  const items: T[] = [];
  const seen: SeenPage[] = [];
  let of: Pick<PartialList<T>, 'at' | 'resourceVersion'> | undefined;
  let asked = await askPage(transport, list, toLimit(seen, most));
  for (;;) {
    const { answer, limit } = asked;
    if (answer.status !== 200) return { kind: 'ended', answer };
    const { metadata = {}, items: raw } = decode(Page, answer);
    if (!of) list.onState?.();
    of ??= { at: toServerTime(answer), resourceVersion: metadata.resourceVersion };
    const page = raw ?? [];
    seen.push({ limit, items: page.length, length: answer.text.length });
    const next = metadata.continue || undefined;
    const wanted = most - items.length - page.length;
    // The API server makes the next page while this one is checked.
    const [following] = await Promise.all([
      next === undefined || wanted <= 0 ? undefined : askPage(transport, list, toLimit(seen, wanted), next),
      decodeItems(page, { schema, answer, to: items }),
    ]);
    if (!following) {
      const isComplete = next === undefined && wanted >= 0;
      const listed = isComplete ? items : items.slice(0, most);
      return {
        kind: 'listed',
        listed: {
          ...of,
          items: listed,
          isComplete,
          remaining: metadata.remainingItemCount,
          length: seen.reduce((sum, { length }) => sum + length, 0),
        },
      };
    }
    asked = following;
  }
}

/** A limit above this is not one of somebody who wants few. */
const mostAtOnce = 1000;

/** Where few are wanted, one request asks for them; where they are too large for that, pages of their size do. */
function toLimit(seen: readonly SeenPage[], wanted: number): number {
  if (seen.length === 0 && wanted <= mostAtOnce) return wanted;
  return Math.min(toPageSize(seen), wanted);
}

/** The answer to a page, and how many objects it was asked for. */
interface Asked {
  readonly answer: ApiAnswer;
  readonly limit: number;
}

/** One page, of fewer objects where so many are too long. A token may be used more than once. */
async function askPage(transport: Transport, list: List, limit: number, next?: string): Promise<Asked> {
  const { path, query, state } = list;
  const paging = { limit: String(limit), ...(next === undefined ? state : { continue: next }) };
  try {
    const answer = await transport.read({ method: 'GET', path, query: { ...query, ...paging } });
    return { answer, limit };
  } catch (error) {
    const smaller = error instanceof TooLongError ? toSmallerSize(limit) : undefined;
    if (smaller === undefined) throw error;
    return await askPage(transport, list, smaller, next);
  }
}

async function decodeItems<T>(
  raw: readonly unknown[],
  { schema, answer, to }: { readonly schema: z.ZodType<T>; readonly answer: ApiAnswer; readonly to: T[] },
): Promise<void> {
  // To parse the page was one turn.
  await setImmediate();
  let since = performance.now();
  for (const item of raw) {
    to.push(decodeAs(schema, item, () => toItemTitle(answer, item)));
    if (performance.now() - since < turnMs) continue;
    await setImmediate();
    since = performance.now();
  }
}

function toItemTitle(answer: ApiAnswer, item: unknown): string {
  const { data } = NamedItem.safeParse(item);
  const name = data ? [data.metadata.namespace, data.metadata.name].filter(Boolean).join('/') : 'an item';
  return `${name} in ${toTitle(answer.call)}`;
}
