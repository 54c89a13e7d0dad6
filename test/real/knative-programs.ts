import { join } from 'node:path';
import { downloadGoModule } from './go-module.ts';
import { type Workshop, buildGoPart } from './go-part.ts';
import { eventingModule } from './knative-modules.ts';

/** What of Knative runs outside a cluster: the programs behind its sources, and the definition that one of them needs. */
export interface KnativePrograms {
  /** The program behind each ApiServerSource. */
  readonly receiveAdapter: string;
  /** The program behind all PingSources. */
  readonly pingAdapter: string;
  /** The path of the PingSource's definition. */
  readonly pingSourceDefinition: string;
}

/** Finds or builds the programs. They are built in their own module, with exactly the dependencies that Knative builds them with. */
export async function provideKnativePrograms(workshop: Workshop): Promise<KnativePrograms> {
  const folder = await downloadGoModule(eventingModule, workshop.env);
  const { version } = eventingModule;
  const build = (name: string, path: string) =>
    buildGoPart({ name, version, folder, package: path, ldflags: '' }, workshop);
  return {
    receiveAdapter: await build('apiserver_receive_adapter', './cmd/apiserver_receive_adapter'),
    pingAdapter: await build('mtping', './cmd/mtping'),
    pingSourceDefinition: join(folder, 'config', 'core', 'resources', 'pingsource.yaml'),
  };
}
