import type { Context } from 'hono';
import { html } from 'hono/html';
import type { JSX } from 'hono/jsx/jsx-runtime';
import { ProblemPage } from './problem-page.tsx';
import type { Frame } from './shell.tsx';

type Status = 200 | 404 | 500 | 503;

/** Answers with a page. */
export function show(c: Context, page: JSX.Element, status: Status = 200): Response | Promise<Response> {
  return c.html(html`<!doctype html>${page}`, status);
}

/** Answers that there is nothing to show, and why. */
export function showProblem(
  c: Context,
  frame: Frame,
  status: Exclude<Status, 200>,
  { title, message }: { readonly title: string; readonly message: string },
): Response | Promise<Response> {
  return show(c, <ProblemPage frame={frame} title={title} message={message} />, status);
}
