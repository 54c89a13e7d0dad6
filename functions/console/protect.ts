import type { Context, MiddlewareHandler, Next } from 'hono';
import { secureHeaders } from 'hono/secure-headers';

/** Nothing but our own files, and no script in a page. The same where a page is shown by somebody else: nowhere. */
export const secureAnswers: MiddlewareHandler = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    scriptSrc: ["'self'"],
    connectSrc: ["'self'"],
    imgSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: 'DENY',
  // Whether there is TLS is the business of the proxy in front.
  strictTransportSecurity: false,
});

/** There is nothing here to write to. */
export async function onlyReads(c: Context, next: Next): Promise<Response | void> {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return await next();
  return c.text('the console only reads\n', 405, { allow: 'GET, HEAD' });
}

/**
 * A page of somebody else can make a browser resolve its own name to this address, and would then read our answers as its
 * own. The Host header tells: the browser sends the name that it was given. Probes send the address of the pod.
 */
export function onlyFor(hosts: readonly string[]): MiddlewareHandler {
  return async function checkHost(c, next) {
    if (c.req.path === '/healthz' || hosts.includes(toHostName(c.req.header('host') ?? '')))
      return await next();
    return c.text('this console has another name: KLEYM_CONSOLE_HOSTS says which it has\n', 421);
  };
}

/** The name in a Host header, without its port. */
function toHostName(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '');
}

/** A browser keeps what it got, and asks each time whether that is still so. */
export async function askedAnew(c: Context, next: Next): Promise<void> {
  await next();
  c.header('cache-control', 'private, no-cache');
}
