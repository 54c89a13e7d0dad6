import type { Context } from 'hono';
import { createLacks } from '../../../shared/explain/kube/permissions.ts';
import { readServedKinds } from '../../../shared/explain/kube/served-kinds.ts';
import {
  KnativeService,
  partOfKleym,
  serviceResource,
} from '../../../shared/explain/status/knative-service.ts';
import { show } from '../page/show.tsx';
import type { Site } from '../site.ts';
import { OverviewPage } from './overview-page.tsx';
import { type OverviewFacts, toOverview } from './overview.ts';

/** Where the manifests install kleym. */
const ownNamespace = 'kleym-system';

/** The overview of the cluster. */
export async function showOverview(c: Context, site: Site): Promise<Response> {
  const overview = toOverview(await readOverview(site));
  return show(c, <OverviewPage frame={site.frame} overview={overview} page={c.req.query('page')} />);
}

async function readOverview({ kube: { lookups }, readLines }: Site): Promise<OverviewFacts> {
  const lacks = createLacks();
  const services = { namespace: ownNamespace, labels: partOfKleym };
  const [lines, served, listed] = await Promise.all([
    readLines(),
    readServedKinds(lookups),
    lacks.attempt(() => lookups.list(serviceResource, services, KnativeService)),
  ]);
  return { ...lines, served, services: listed };
}
