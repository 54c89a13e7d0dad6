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
import { type OverviewFacts, type SeenSweep, toOverview } from './overview.ts';

/** Where the manifests install kleym. */
const ownNamespace = 'kleym-system';

/** The overview of the cluster. */
export async function showOverview(c: Context, site: Site): Promise<Response> {
  const overview = toOverview(await readOverview(site));
  return show(c, <OverviewPage frame={site.frame} overview={overview} page={c.req.query('page')} />);
}

async function readOverview({ kube, readLines }: Site): Promise<OverviewFacts> {
  const { lookups } = kube;
  const lacks = createLacks();
  const services = { namespace: ownNamespace, labels: partOfKleym };
  const [lines, served, listed, sweep] = await Promise.all([
    readLines(),
    readServedKinds(lookups),
    lacks.attempt(() => lookups.list(serviceResource, services, KnativeService)),
    lacks.attempt(() => readSweep(kube)),
  ]);
  return { ...lines, served, services: listed, sweep: sweep ?? 'not readable' };
}

async function readSweep({ cluster }: Site['kube']): Promise<SeenSweep> {
  const { found } = await cluster.readSweepReport();
  if (found === 'absent' || found === 'unserved') return 'none yet';
  return found.report ?? 'none yet';
}
