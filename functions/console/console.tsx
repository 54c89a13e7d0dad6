import { type Context, Hono } from 'hono';
import { etag } from 'hono/etag';
import type { Logger } from 'pino';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { Reads } from '../../shared/kube/open-reads.ts';
import { redact } from '../../shared/text/redact.ts';
import { serveAssets } from './assets.ts';
import { showOverview } from './overview/show-overview.tsx';
import { showBinding } from './binding/show-binding.tsx';
import { showNamespace } from './namespace/show-namespace.tsx';
import type { Frame, Place } from './page/shell.tsx';
import { showProblem } from './page/show.tsx';
import { askedAnew, onlyFor, onlyReads, secureAnswers } from './protect.ts';
import { showSearch } from './search/show-search.tsx';
import { createSite } from './site.ts';
import { showWhy } from './why/show-why.tsx';

/** What the console is made of. */
export interface ConsoleOptions {
  readonly kube: Reads;
  readonly settings: Settings;
  /** The names under which it is reached, without ports. */
  readonly hosts: readonly string[];
  readonly log: Logger;
  /** Pages beside the console's own. */
  readonly pages?: readonly ExtraPage[];
}

/** A page of somebody who serves the console. */
interface ExtraPage extends Place {
  readonly show: (c: Context, frame: Frame) => Response | Promise<Response>;
}

const ownPlaces: readonly Place[] = [
  { path: '/', name: 'Overview' },
  { path: '/why', name: 'Why' },
];

/** The console as an HTTP application. */
export function createConsole({ kube, settings, hosts, log, pages = [] }: ConsoleOptions): Hono {
  const frame: Frame = { settings, places: [...ownPlaces, ...pages] };
  const site = createSite(kube, frame, () => performance.now());
  const app = new Hono();
  app.use(secureAnswers, onlyReads, onlyFor(hosts), askedAnew, etag());
  app.get('/healthz', (c) => c.text('ok\n'));
  serveAssets(app);
  app.get('/', (c) => showOverview(c, site));
  app.get('/namespaces/:namespace', (c) => showNamespace(c, site));
  app.get('/namespaces/:namespace/bindings/:name', (c) => showBinding(c, site));
  app.get('/why', (c) => showWhy(c, site));
  app.get('/search', (c) => showSearch(c, site));
  for (const page of pages) app.get(page.path, (c) => page.show(c, frame));
  app.notFound((c) =>
    showProblem(c, frame, 404, { title: 'Not found', message: 'The console has no such page.' }),
  );
  app.onError((error, c) => answerFailure(error, c, frame, log));
  return app;
}

function answerFailure(error: Error, c: Context, frame: Frame, log: Logger): Response | Promise<Response> {
  const facts = { method: c.req.method, path: redact(c.req.path), err: error };
  if (error instanceof UncertainError) {
    log.warn(facts, 'waiting');
    c.header('retry-after', '5');
    return showProblem(c, frame, 503, {
      title: 'The cluster cannot be read now',
      message: redact(error.message),
    });
  }
  log.error(facts, 'failed');
  return showProblem(c, frame, 500, {
    title: 'Internal error',
    message: 'The log of the console says more.',
  });
}
