import type { Child } from 'hono/jsx';
import project from '../../../package.json' with { type: 'json' };
import type { Settings } from '../../../shared/identity/settings.ts';

/** A place that the head of every page leads to. */
export interface Place {
  readonly path: string;
  readonly name: string;
}

/** What all pages have in common. */
export interface Frame {
  readonly settings: Settings;
  readonly places: readonly Place[];
}

interface ShellProps {
  readonly frame: Frame;
  readonly title: string;
  /** The path of the place in the head to which the page belongs. */
  readonly place?: string;
  /** After how long the page is soonest asked for again; by default that is the business of the script. */
  readonly refreshMs?: number;
  /** What was searched for. */
  readonly query?: string;
  readonly children?: Child;
}

/** A whole page. The script exchanges `main` when it has changed, and nothing else. */
export function Shell({ frame, title, place, refreshMs, query, children }: ShellProps) {
  const { settings, places } = frame;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${title} · kleym`}</title>
        <link rel="icon" href="/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/console.css" />
        <script src="/console.js" type="module"></script>
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <header>
          <a class="brand" href="/">
            kleym
          </a>
          <nav aria-label="Pages">
            {places.map(({ path, name }) => (
              <a href={path} aria-current={path === place ? 'page' : undefined}>
                {name}
              </a>
            ))}
          </nav>
          <form class="find" action="/search" role="search">
            <input
              type="search"
              name="q"
              value={query}
              maxlength={200}
              placeholder="Search"
              aria-label="Search bindings, pools, objectives and SPIFFE IDs"
              aria-keyshortcuts="/"
            />
          </form>
        </header>
        <main id="main" tabindex={-1} data-refresh-ms={refreshMs}>
          {children}
        </main>
        <footer>
          <span>
            Trust domain <b class="name">{settings.trustDomain}</b>
          </span>
          <span>
            Class <b class="name">{settings.className ?? 'none'}</b>
          </span>
          <span>kleym {project.version}, read only</span>
          <span id="freshness" role="status"></span>
        </footer>
      </body>
    </html>
  );
}
