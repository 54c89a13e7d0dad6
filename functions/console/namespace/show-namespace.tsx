import type { Context } from 'hono';
import { isDnsSubdomain } from '../../../shared/identity/object-names.ts';
import { show, showProblem } from '../page/show.tsx';
import type { Site } from '../site.ts';
import { type State, states } from '../state.ts';
import { NamespacePage } from './namespace-page.tsx';
import { toNamespaceView } from './namespace-view.ts';

/** The picture of a namespace. */
export async function showNamespace(c: Context, site: Site): Promise<Response> {
  const namespace = c.req.param('namespace') ?? '';
  const { frame } = site;
  if (!isDnsSubdomain(namespace))
    return showProblem(c, frame, 404, { title: 'Not found', message: 'No namespace has such a name.' });
  const seen = await site.readNamespace(namespace);
  const { snapshot, lacks } = seen;
  const pool = c.req.query('pool') || undefined;
  const selection = { pool, state: parseState(c.req.query('state')) };
  const view = toNamespaceView(seen, selection);
  const page = c.req.query('page');
  return show(c, <NamespacePage {...{ frame, snapshot, view, selection, page, lacks }} />);
}

/** A state that somebody asks for; anything else asks for all. */
export function parseState(text: string | undefined): State | undefined {
  return states.find((state) => state === text);
}
