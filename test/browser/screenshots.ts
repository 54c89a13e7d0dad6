// Pictures of the console, on the examples and a collision:
//
//   npm run screenshots               into a new folder, which it names
//   npm run screenshots -- FOLDER
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stateFolder } from '../../local/start/embedded.ts';
import { start } from '../../local/start/start.ts';
import type { BindingStatus } from '../../shared/api/binding.ts';
import { findReady } from '../../shared/api/conditions.ts';
import { type KubeClient, type Manifest, createKubeClient } from '../support/kube-client.ts';
import { binding } from '../support/manifests.ts';
import { launchBrowser } from './launch-browser.ts';

const settings = {
  trustDomain: 'example.org',
  className: undefined,
  namespaceSelector: true,
  overlapPolicy: 'report',
} as const;

const pages = {
  overview: '/',
  namespace: '/namespaces/team-a',
  binding: '/namespaces/team-a/bindings/chat',
  why: '/why?namespace=team-a&serviceAccount=inference-sa&labels=app%3Dmodel-server&container=chta',
  live: '/live',
};

const folder = process.argv[2] ?? (await mkdtemp(join(tmpdir(), 'kleym-console-')));
const written: string[] = [];
const running = await start(
  {
    cluster: { kind: 'embedded', dataFolder: undefined, examples: true, apply: undefined },
    settings,
    logLevel: 'silent',
    sweepSeconds: undefined,
    port: 0,
  },
  { write: (text: string) => written.push(text) > 0, isTTY: false },
);
try {
  await collide(createKubeClient(addressOf('API server')));
  await takePictures(addressOf('console'));
  process.stdout.write(`${folder}\n`);
} finally {
  await running?.stop();
  await rm(stateFolder(Number(new URL(addressOf('API server')).port)), { recursive: true });
}

/** An address that the command has printed. */
function addressOf(name: string): string {
  const [, address] = new RegExp(`${name} +(\\S+)`).exec(written.join('')) ?? [];
  if (address === undefined) throw new Error(`npm start printed no address of ${name}: ${written.join('')}`);
  return address;
}

/** A second binding asks for the container of `chat`, as in the README. */
async function collide(kube: KubeClient): Promise<void> {
  const refs = { poolRef: { name: 'llama' }, objectiveRef: { name: 'batch' }, containerName: 'chat' };
  const draft = binding('draft', refs);
  await kube.create({ ...draft, metadata: { ...draft.metadata, namespace: 'team-a' } });
  const where = { apiVersion: draft.apiVersion, kind: draft.kind, namespace: 'team-a' };
  for (const deadline = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const reasons = (await kube.list(where)).map(reasonOf).toSorted();
    if (String(reasons) === 'IdentityCollision,IdentityCollision,Reconciled,Reconciled') return;
    if (Date.now() > deadline) throw new Error(`the bindings say ${String(reasons)}`);
  }
}

function reasonOf({ status }: Manifest): string {
  return findReady(status as BindingStatus | undefined)?.reason ?? '';
}

async function takePictures(url: string): Promise<void> {
  const browser = await launchBrowser();
  try {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ colorScheme, viewport: { width: 1200, height: 400 } });
      for (const [name, path] of Object.entries(pages)) {
        await page.goto(url + path);
        await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`), fullPage: true });
      }
    }
  } finally {
    await browser.close();
  }
}
