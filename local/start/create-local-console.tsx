import type { KubeConfig } from '@kubernetes/client-node';
import type { Hono } from 'hono';
import type { Logger } from 'pino';
import { createConsole } from '../../functions/console/console.tsx';
import { show } from '../../functions/console/page/show.tsx';
import type { Settings } from '../../shared/identity/settings.ts';
import { openByKubeConfig } from '../../shared/kube/kube-config-server.ts';
import { openReads } from '../../shared/kube/open-reads.ts';
import type { EventTracker } from '../eventing/event-tracker.ts';
import { LivePage, livePlace } from './live-page.tsx';

interface LocalConsoleOptions {
  readonly kubeConfig: KubeConfig;
  readonly settings: Settings;
  readonly log: Logger;
  readonly tracker: EventTracker;
}

const callTimeoutMs = 15_000;

/** The console, and a page about what passes in this process. */
export function createLocalConsole({ kubeConfig, settings, log, tracker }: LocalConsoleOptions): Hono {
  return createConsole({
    kube: openReads(openByKubeConfig(kubeConfig), { userAgent: 'kleym-console', callTimeoutMs }),
    settings,
    hosts: ['localhost', '127.0.0.1'],
    log: log.child({ function: 'console' }),
    pages: [
      { ...livePlace, show: (c, frame) => show(c, <LivePage frame={frame} recent={tracker.recent()} />) },
    ],
  });
}
