import type { BareClient } from './bare-client.ts';

/** Lists everything of a kind, in pages of 500, and throws it away. */
export async function listPages(client: BareClient, path: string): Promise<void> {
  let next = '';
  do {
    const page = (await client.send('GET', `${path}?limit=500${next && `&continue=${next}`}`)) as {
      readonly metadata: { readonly continue?: string };
    };
    next = page.metadata.continue ?? '';
  } while (next !== '');
}
