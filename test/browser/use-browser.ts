import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, expect } from 'vitest';
import { launchBrowser } from './launch-browser.ts';

/** How somebody looks at a page. */
interface Looking extends BrowserContextOptions {
  /** The test moves the clock of the page. */
  readonly stopClock?: boolean;
}

/** A person's browser, for a test file. */
export interface TestBrowser {
  /** Opens a page as somebody who has never been here. */
  open(url: string, looking?: Looking): Promise<Page>;
}

/**
 * Starts the browser of a test file, which ends with the file. A test fails whose pages open a dialog, log an error,
 * break their Content-Security-Policy or ask another server for anything.
 */
export async function useBrowser(): Promise<TestBrowser> {
  const browser: Browser = await launchBrowser();
  const open = new Set<BrowserContext>();
  const trouble: string[] = [];
  afterEach(async () => {
    await Promise.all([...open].map((context) => context.close()));
    open.clear();
    expect(trouble.splice(0)).toEqual([]);
  });
  afterAll(async () => await browser.close());
  return {
    open: async (url, { stopClock = false, ...options } = {}) => {
      const context = await browser.newContext(options);
      open.add(context);
      context.setDefaultTimeout(60_000);
      const page = await context.newPage();
      watch(page, new URL(url).origin, trouble);
      if (stopClock) await page.clock.install();
      await page.goto(url);
      return page;
    },
  };
}

function watch(page: Page, origin: string, trouble: string[]): void {
  const note = (what: string) => void trouble.push(`${new URL(page.url()).pathname.slice(0, 60)}: ${what}`);
  page.on('dialog', (dialog) => {
    note(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('pageerror', ({ message }) => note(message));
  // Chromium reports what the policy forbids as an error, and a missing page too, which a test may ask for.
  page.on('console', (message) => {
    if (!/^Failed to load resource: .* 404 /.test(message.text()))
      note(`${message.type()} ${message.text()}`);
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) note(`asks ${request.url()}`);
  });
}
