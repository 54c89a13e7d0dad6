import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { loadKubeConfig } from '../shared/kube/kube-cluster.ts';
import { createLog } from '../shared/log.ts';
import { applyExamples, kubeconfigFile, startEmbedded } from './embedded.ts';
import type { Options } from './options.ts';
import { type Printer, createPrinter } from './printer.ts';
import { type Stack, startStack } from './stack.ts';
import { type Watcher, createWatcher } from './transitions.ts';

type Out = Pick<NodeJS.WriteStream, 'write' | 'isTTY'>;

/** Something that runs until it is stopped. */
export interface Running {
  readonly stop: () => Promise<void>;
}

const logFile = join(dirname(kubeconfigFile), 'functions.log');
// A change brings a few more with it; the table is printed when they have passed.
const quietMs = 400;

/** Starts everything, says how to go on, and shows what happens. */
export async function start(options: Options, out: Out): Promise<Running> {
  return options.cluster.kind === 'embedded'
    ? startOnEmbedded(options, options.cluster, out)
    : startOnReal(options, options.cluster, out);
}

async function startOnEmbedded(
  options: Options,
  choice: Extract<Options['cluster'], { kind: 'embedded' }>,
  out: Out,
): Promise<Running> {
  const cluster = await startEmbedded(options.port, choice.dataFolder);
  try {
    const show = createShow(out);
    const log = await openLogFile();
    const stack = await startStack({
      ...toStackOptions(options, log, show),
      kubeConfig: loadKubeConfig({ file: kubeconfigFile }),
    });
    show.printer.text(
      `kleym on Knative, with a cluster of its own in this process\n\n  API server  ${cluster.url}\n${toAddresses(stack)}\n  logs        ${fromHere(logFile)}\n`,
    );
    await stack.sources.ready();
    await applyExamples(cluster);
    show.whenQuiet(() => show.printer.text(toNextSteps(stack)));
    return {
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

async function startOnReal(
  options: Options,
  choice: Extract<Options['cluster'], { kind: 'real' }>,
  out: Out,
): Promise<Running> {
  const kubeConfig = loadKubeConfig({
    file: choice.file,
    ...(choice.context !== undefined && { context: choice.context }),
  });
  return out.isTTY ? startForPeople(options, kubeConfig, out) : startForMachines(options, kubeConfig);
}

async function startForPeople(options: Options, kubeConfig: KubeConfig, out: Out): Promise<Running> {
  const show = createShow(out);
  const stack = await startStack({ ...toStackOptions(options, await openLogFile(), show), kubeConfig });
  const server = kubeConfig.getCurrentCluster()?.server ?? 'unknown';
  show.printer.text(
    `kleym on Knative, on the cluster ${server}\n\n${toAddresses(stack)}\n  logs        ${fromHere(logFile)}\n  stop        Ctrl-C\n`,
  );
  return {
    stop: async () => {
      show.stop();
      await stack.stop();
    },
  };
}

/** Where no person looks, everything that happens is a line of the log. */
async function startForMachines(options: Options, kubeConfig: KubeConfig): Promise<Running> {
  const log = createLog({ service: 'kleym', level: 'info' });
  const watcher = createWatcher();
  const stack = await startStack({
    ...toPlaces(options, log),
    kubeConfig,
    onEvent: (event) => {
      const transition = watcher.see(event);
      if (transition) log.info(transition, 'transition');
    },
    onDelivery: ({ trigger, outcome, status, attempt, reason }) => {
      if (outcome !== 'delivered' && outcome !== 'replied')
        log.warn({ trigger, outcome, status, attempt, reason }, 'delivery');
    },
    onNews: (news) =>
      log.info(
        { source: news.source, state: news.kind, ...('reason' in news && { reason: news.reason }) },
        'source',
      ),
  });
  log.info({ functions: stack.functions.url, broker: stack.broker.url }, 'started');
  return {
    stop: async () => {
      await stack.stop();
      log.info('stopped');
    },
  };
}

/** What is shown of the events that pass. */
interface Show {
  readonly printer: Printer;
  readonly watcher: Watcher;
  readonly touch: () => void;
  /** Does something once, after the first table. */
  readonly whenQuiet: (then: () => void) => void;
  readonly stop: () => void;
}

function createShow(out: Out): Show {
  const printer = createPrinter(out, out.isTTY === true, () => new Date());
  const watcher = createWatcher();
  let after: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  function settle(): void {
    printer.table(watcher.rows());
    after?.();
    after = undefined;
  }
  return {
    printer,
    watcher,
    touch: () => {
      clearTimeout(timer);
      timer = setTimeout(settle, quietMs);
    },
    whenQuiet: (then) => {
      after = then;
    },
    stop: () => clearTimeout(timer),
  };
}

function toPlaces({ settings, port, sweepSeconds }: Options, log: Logger) {
  return {
    settings,
    log,
    sweepSeconds,
    functionsPort: port === 0 ? 0 : port + 1,
    brokerPort: port === 0 ? 0 : port + 2,
  };
}

function toStackOptions(options: Options, log: Logger, { printer, watcher, touch }: Show) {
  return {
    ...toPlaces(options, log),
    onEvent: (event: Parameters<Watcher['see']>[0]) => {
      const transition = watcher.see(event);
      if (!transition) return;
      printer.transition(transition);
      touch();
    },
    onDelivery: printer.delivery,
    onNews: (news: Parameters<Printer['news']>[0]) => {
      if (news.kind !== 'watching') printer.news(news);
    },
  };
}

async function openLogFile(): Promise<Logger> {
  await mkdir(dirname(logFile), { recursive: true });
  return createLog({ service: 'kleym', level: 'info' }, createWriteStream(logFile, { flags: 'a' }));
}

function toAddresses({ functions, broker }: Stack): string {
  return `  functions   ${functions.url}/{${Object.keys(functions.urls).join(',')}}\n  broker      ${broker.url}`;
}

function toNextSteps({ functions }: Stack): string {
  const kubectl = `kubectl --kubeconfig ${fromHere(kubeconfigFile)}`;
  return `Go on in another terminal:

  ${kubectl} get iib -A
  ${kubectl} -n team-a describe iib chat
  ${kubectl} get clusterspiffeids
  ${kubectl} -n team-a patch iib batch --type merge -p '{"spec":{"containerName":"chat"}}'      # a collision
  ${kubectl} -n team-a patch iib batch --type merge -p '{"spec":{"containerName":"batch"}}'     # and its end

A function is a CloudEvent in and at most one out:

  curl -i ${functions.urls['reconcile']} -H 'ce-specversion: 1.0' -H 'ce-id: 1' -H 'ce-source: me' \\
    -H 'ce-type: red.sonda.kleym.bindings.affected' -H 'content-type: application/json' \\
    -d '{"bindings":[{"namespace":"team-a","names":["chat"]}]}'

Ctrl-C stops everything.
`;
}

function fromHere(file: string): string {
  return relative(process.cwd(), file);
}
