import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Starts the Chromium that is installed; nothing is downloaded. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = process.env['KLEYM_CHROMIUM'] || places.find((place) => existsSync(place));
  if (executablePath === undefined)
    throw new Error(
      `found no Chromium at ${places.join(', ')}: install it (Debian: apt-get install chromium), or say where it is with KLEYM_CHROMIUM`,
    );
  // Chromium refuses to sandbox what root runs, and containers have little shared memory.
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return await chromium.launch({
    executablePath,
    args: [...asRoot, '--disable-dev-shm-usage'],
    // The tests end it; who interrupts them closes the pipe by which Chromium lives.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
}
