import { readFileSync } from 'node:fs';
import type { Hono } from 'hono';

const types = {
  'console.css': 'text/css; charset=utf-8',
  'console.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;

/** The style sheet, the script and the icon, which build.ts copies beside the bundle. */
export function serveAssets(app: Hono): void {
  for (const [name, type] of Object.entries(types)) {
    const content = readFileSync(new URL(`assets/${name}`, import.meta.url), 'utf8');
    app.get(`/${name}`, (c) => c.body(content, 200, { 'content-type': type }));
  }
}
