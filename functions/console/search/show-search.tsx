import type { Context } from 'hono';
import { parseState } from '../namespace/show-namespace.tsx';
import { show } from '../page/show.tsx';
import type { Site } from '../site.ts';
import { type Search, findLines, hasWords, toWords } from './find-lines.ts';
import { SearchPage } from './search-page.tsx';

/** What is longer is not looked for. */
const longestText = 200;

/** Everything in which a text is found. */
export async function showSearch(c: Context, site: Site): Promise<Response> {
  const query = (name: string) => c.req.query(name)?.slice(0, longestText).trim() || undefined;
  const search: Search = {
    text: query('q') ?? '',
    state: parseState(query('state')),
    reason: query('reason'),
    namespace: query('namespace'),
  };
  const words = toWords(search.text);
  const [{ lines, isComplete }, sources] = await Promise.all([
    site.readLines(),
    words.length === 0 ? [] : site.readSources(),
  ]);
  const found = {
    lines: findLines(lines, search),
    namespaces: words.length === 0 ? [] : findNamespaces(lines, words),
    sources: sources.filter(
      ({ namespace, name }) =>
        (search.namespace === undefined || namespace === search.namespace) &&
        hasWords(`${namespace}/${name}`, words),
    ),
    isComplete,
  };
  return show(c, <SearchPage frame={site.frame} search={search} found={found} page={c.req.query('page')} />);
}

function findNamespaces(
  lines: readonly { readonly namespace: string }[],
  words: readonly string[],
): string[] {
  const namespaces = new Set(lines.map(({ namespace }) => namespace));
  return [...namespaces].filter((namespace) => hasWords(namespace, words)).toSorted();
}
