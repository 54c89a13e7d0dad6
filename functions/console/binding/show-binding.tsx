import type { Context } from 'hono';
import { readInspection } from '../../../shared/explain/inspect/read-inspection.ts';
import {
  type InspectionReport,
  toInspectionReport,
} from '../../../shared/explain/inspect/inspection-report.ts';
import { isDnsSubdomain } from '../../../shared/identity/object-names.ts';
import { toSuggestion } from '../../../shared/text/suggest.ts';
import { show, showProblem } from '../page/show.tsx';
import { type Site, toConfigured } from '../site.ts';
import { BindingPage } from './binding-page.tsx';

// To compare 25,000 long names takes a second, in which nobody else is answered.
const mostCompared = 1000;

/** All about one binding. */
export async function showBinding(c: Context, site: Site): Promise<Response> {
  const { namespace = '', name = '' } = c.req.param() as { namespace?: string; name?: string };
  const report = isDnsSubdomain(namespace) ? await readReport(site, namespace, name) : undefined;
  if (report) return show(c, <BindingPage frame={site.frame} report={report} />);
  const { lines } = await site.readLines();
  const names = lines.filter((line) => line.namespace === namespace).map((line) => line.name);
  return showProblem(c, site.frame, 404, {
    title: 'Not found',
    message: `There is no such InferenceIdentityBinding${toSuggestion(name, names.slice(0, mostCompared))}`,
  });
}

async function readReport(
  { kube, frame: { settings } }: Site,
  namespace: string,
  name: string,
): Promise<InspectionReport | undefined> {
  const facts = await readInspection({ ...kube, namespace }, name, toConfigured(settings));
  // Nothing on the page says when it was made, or no page would be as it was before.
  return facts && toInspectionReport({ ...facts, generatedAt: '' });
}
