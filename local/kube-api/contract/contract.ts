import { afterAll, beforeAll, describe } from 'vitest';
import { describeDefinitions } from './definitions.ts';
import { describeDeletion } from './deletion.ts';
import { describeEvents } from './events.ts';
import { hasKubectl } from './has-kubectl.ts';
import { describeKubectl } from './kubectl.ts';
import { describeLists } from './lists.ts';
import { describeRefusals } from './refusals.ts';
import { type Subject, type SubjectOptions, prepareSubject } from './subject.ts';
import { describeTables } from './tables.ts';
import { describeValidation } from './validation.ts';
import { describeWatches } from './watches.ts';
import { describeWrites } from './writes.ts';

/**
 * Everything in the Kubernetes API that we rely on. It is put to the embedded cluster and to a real kube-apiserver
 * without a word of difference, so what holds on one may be believed of the other.
 */
export function testContract(start: () => Promise<SubjectOptions>): void {
  let started: Subject | undefined;
  beforeAll(async () => {
    started = await prepareSubject(await start());
  });
  afterAll(async () => {
    await started?.stop();
  });
  const subject = (): Subject => {
    if (started === undefined) throw new Error('the API server has not been started');
    return started;
  };
  const all = { ...parts, ...(hasKubectl() && { kubectl: describeKubectl }) };
  describe.each(Object.entries(all))('%s', (_title, tell) => {
    tell(subject);
  });
}

const parts = {
  writing: describeWrites,
  deleting: describeDeletion,
  listing: describeLists,
  watching: describeWatches,
  refusing: describeRefusals,
  definitions: describeDefinitions,
  validating: describeValidation,
  Events: describeEvents,
  tables: describeTables,
};
