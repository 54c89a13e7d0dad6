import { z } from 'zod';
import { decode, decodeAs, toServerTime, toUncertain } from './answers.ts';
import type { Listed } from './cluster.ts';
import { type Answer, type Transport, toTitle } from './transport.ts';

const Page = z.object({
  metadata: z.object({ continue: z.string().optional() }).optional(),
  items: z.array(z.unknown()).nullable(),
});

const NamedItem = z.object({ metadata: z.object({ namespace: z.string().optional(), name: z.string() }) });

/** A list to its end, or the answer that ended it early. */
export type Paged<T> = { readonly kind: 'listed'; readonly listed: Listed<T> } | Ended;
interface Ended {
  readonly kind: 'ended';
  readonly answer: Answer;
}

const pageSize = '500';
const mostStarts = 3;

/**
 * Reads a list page by page. All pages show the cluster at the time of the first, so the clock is the first one's.
 * A token that expired on the way (410) gives no such view any more: the list is started again.
 */
export async function listPages<T>(
  transport: Transport,
  list: { readonly path: string; readonly query?: Readonly<Record<string, string>> },
  schema: z.ZodType<T>,
): Promise<Paged<T>> {
  for (let start = 1; ; start += 1) {
    const paged = await listOnce(transport, list, schema);
    if (paged.kind === 'listed' || paged.answer.status !== 410) return paged;
    if (start === mostStarts) throw toUncertain(paged.answer);
  }
}

async function listOnce<T>(
  transport: Transport,
  { path, query }: { readonly path: string; readonly query?: Readonly<Record<string, string>> },
  schema: z.ZodType<T>,
): Promise<Paged<T>> {
  const items: T[] = [];
  let at: string | undefined;
  let next: string | undefined;
  do {
    const paging = { limit: pageSize, ...(next === undefined ? {} : { continue: next }) };
    const answer = await transport.read({ method: 'GET', path, query: { ...query, ...paging } });
    if (answer.status !== 200) return { kind: 'ended', answer };
    at ??= toServerTime(answer);
    const page = decode(Page, answer);
    for (const item of page.items ?? []) items.push(decodeAs(schema, item, toItemTitle(answer, item)));
    next = page.metadata?.continue || undefined;
  } while (next !== undefined);
  return { kind: 'listed', listed: { items, at } };
}

function toItemTitle(answer: Answer, item: unknown): string {
  const { data } = NamedItem.safeParse(item);
  const name = data ? [data.metadata.namespace, data.metadata.name].filter(Boolean).join('/') : 'an item';
  return `${name} in ${toTitle(answer.call)}`;
}
