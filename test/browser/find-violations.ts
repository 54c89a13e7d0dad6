import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

/** What axe-core finds against the accessibility of a page, with the elements: by all of its rules, or by one. */
export async function findViolations(page: Page, rule?: string): Promise<string[]> {
  await page.evaluate(axe.source);
  const options = rule === undefined ? {} : { runOnly: [rule] };
  const { violations } = (await page.evaluate(`axe.run(${JSON.stringify(options)})`)) as AxeResults;
  return violations.map(({ id, help, nodes }) =>
    [
      `${page.url()} ${id}: ${help}`,
      ...nodes.map(({ html, failureSummary }) => `${html} ${failureSummary ?? ''}`),
    ].join('\n  '),
  );
}
