import { createWriteStream } from 'node:fs';
import { join, relative } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { type Logger, pino } from 'pino';
import { connect, loadKubeConfig } from '../../shared/kube/kube-cluster.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { applyManifests, readManifests } from './apply-files.ts';
import { applyExamples, kubeconfigFileOf, startEmbedded, stateFolder } from './embedded.ts';
import { createLineBuffer } from './line-buffer.ts';
import { toAddresses, toNextSteps } from './next-steps.ts';
import type { Options } from './options.ts';
import { type Out, createShow } from './show.ts';
import { type StackOptions, startStack } from './stack.ts';
import { describeLeftovers, readPlan, toPlanText } from './plan.ts';
import { prepareFolder } from './prepare-folder.ts';
import { createRivals } from './rivals.ts';
import { createWatcher } from './transitions.ts';

/** Something that runs until it is stopped. */
export interface Running {
  readonly stop: () => Promise<void>;
  /** Resolves when another installation overwrites what this one wrote: why this one has to stop. */
  readonly overwritten: Promise<string>;
}

// The groups whose CRDs the cluster in this process has: waiting for others would only be noise.
const embeddedGroups = ['pools-x-k8s', 'objectives-x-k8s'];

type Embedded = Extract<Options['cluster'], { kind: 'embedded' }>;
type Real = Extract<Options['cluster'], { kind: 'real' }>;

/** Asks the person at the terminal. */
type Confirm = (question: string) => Promise<boolean>;

/** Starts everything, says how to go on, and shows what happens. Undefined: it was told not to start. */
export async function start(options: Options, out: Out, confirm?: Confirm): Promise<Running | undefined> {
  const { cluster } = options;
  if (cluster.kind === 'embedded') return startOnEmbedded(options, cluster, out);
  const kubeConfig = loadChosen(cluster);
  if (cluster.planOnly) {
    out.write(await planFor(options, kubeConfig));
    return undefined;
  }
  if (confirm && !(await confirm(`${await planFor(options, kubeConfig)}\nGo on?`))) {
    process.stderr.write('Nothing was written.\n');
    return undefined;
  }
  return out.isTTY ? startForPeople(options, kubeConfig, out) : startForMachines(options, kubeConfig);
}

async function planFor({ settings }: Options, kubeConfig: KubeConfig): Promise<string> {
  const plan = await readPlan(connect({ kubeConfig }), settings);
  return toPlanText(plan, kubeConfig.getCurrentCluster()?.server ?? '');
}

/** What stays behind, where the API server still answers. */
async function findLeftovers(kubeConfig: KubeConfig): Promise<string | undefined> {
  try {
    return await describeLeftovers(connect({ kubeConfig }));
  } catch {
    return undefined;
  }
}

async function startOnEmbedded(options: Options, choice: Embedded, out: Out): Promise<Running> {
  const own = choice.apply === undefined ? [] : await readManifests(choice.apply);
  const cluster = await startEmbedded(options.port, choice.dataFolder);
  try {
    const kubeconfigFile = kubeconfigFileOf(cluster);
    const { log, file } = await openLog(join(kubeconfigFile, '..'), options.logLevel);
    const show = createShow(out, process.env);
    const stack = await startStack({
      ...toPlaces(options, log),
      ...show,
      components: embeddedGroups,
      kubeConfig: loadKubeConfig({ file: kubeconfigFile }),
    });
    const addresses = [
      `  API server  ${cluster.url}`,
      toAddresses(stack),
      `  logs        ${fromHere(file)}`,
    ].join('\n');
    show.printer.text(`kleym on Knative, with a cluster of its own in this process\n\n${addresses}\n`);
    await stack.sources.ready();
    show.afterTable(() => show.printer.text(toNextSteps(stack, fromHere(kubeconfigFile))));
    if (choice.examples && cluster.isNew) await applyExamples(cluster);
    await applyManifests(cluster, own);
    return {
      // Whoever writes to this cluster came to it, and goes again when it is overwritten itself.
      overwritten: new Promise(() => undefined),
      stop: async () => {
        show.stop();
        await stack.stop();
        await cluster.close();
      },
    };
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

async function startForPeople(options: Options, kubeConfig: KubeConfig, out: Out): Promise<Running> {
  const { log, file } = await openLog(stateFolder(options.port), options.logLevel);
  const show = createShow(out, process.env);
  const { promise: overwritten, resolve } = Promise.withResolvers<string>();
  const seeRivals = createRivals(options.settings, resolve);
  const onEvent: StackOptions['onEvent'] = (event) => {
    seeRivals(event);
    show.onEvent(event);
  };
  const stack = await startStack({ ...toPlaces(options, log), ...show, onEvent, kubeConfig });
  const server = kubeConfig.getCurrentCluster()?.server ?? '';
  show.printer.text(
    `kleym on Knative, on the cluster ${server}\n\n${toAddresses(stack)}\n  logs        ${fromHere(file)}\n  stop        Ctrl-C\n`,
  );
  return {
    overwritten,
    stop: async () => {
      show.stop();
      await stack.stop();
      const leftovers = await findLeftovers(kubeConfig);
      if (leftovers !== undefined) show.printer.text(`\n${leftovers}`);
    },
  };
}

/** Where no person looks, everything that happens is a line of the log. */
async function startForMachines(options: Options, kubeConfig: KubeConfig): Promise<Running> {
  // It waits for a slow reader, also at the end, and goes on without one. process.stdout would lose lines, or end this.
  const lines = createLineBuffer(pino.destination(1));
  const log = createLog({ service: 'kleym', level: options.logLevel }, lines);
  const { promise: overwritten, resolve } = Promise.withResolvers<string>();
  const logged = toLogged(log, createRivals(options.settings, resolve));
  const stack = await startStack({ ...toPlaces(options, log), ...logged, kubeConfig });
  const { url } = stack.functions;
  log.info({ console: url, functions: url, broker: stack.broker.url }, 'started');
  return {
    overwritten,
    stop: async () => {
      await stack.stop();
      const leftovers = await findLeftovers(kubeConfig);
      if (leftovers !== undefined) log.warn({ leftovers }, 'left behind');
      log.info('stopped');
    },
  };
}

function toLogged(
  log: Logger,
  seeRivals: ReturnType<typeof createRivals>,
): Pick<StackOptions, 'onEvent' | 'onDelivery' | 'onNews'> {
  const watcher = createWatcher();
  return {
    onEvent: (event) => {
      seeRivals(event);
      const transition = watcher.see(event);
      if (transition) log.info(transition, 'transition');
    },
    onDelivery: ({ trigger, outcome, status, attempt, reason }) => {
      if (outcome === 'delivered' || outcome === 'replied') return;
      log.warn({ trigger, outcome, status, attempt, reason }, 'delivery');
    },
    onNews: (news) => {
      const reason = 'reason' in news ? news.reason : undefined;
      log.info({ source: news.source, state: news.kind, reason }, 'source');
    },
  };
}

function loadChosen({ file, context }: Real): KubeConfig {
  return loadKubeConfig({ file, ...(context !== undefined && { context }) });
}

function toPlaces({ settings, port, sweepSeconds }: Options, log: Logger) {
  const [functionsPort, brokerPort] = port === 0 ? [0, 0] : [port + 1, port + 2];
  return { settings, log, sweepSeconds, functionsPort, brokerPort };
}

/** A log beside the screen, for one start: the last one's is overwritten. */
async function openLog(
  folder: string,
  level: Options['logLevel'],
): Promise<{ readonly log: Logger; readonly file: string }> {
  const file = join(folder, 'functions.log');
  await prepareFolder(folder);
  return { file, log: createLog({ service: 'kleym', level }, createWriteStream(file)) };
}

function fromHere(file: string): string {
  return relative(process.cwd(), file);
}
