import { type PodFacts, type PodReport, toPodReport } from '../../../shared/explain/why/pod-report.ts';
import { type Look, readFactsOfPod, readPodFacts } from '../../../shared/explain/why/read-why.ts';
import { describePod, listContainers } from '../../../shared/explain/workloads/pod.ts';
import { toSuggestion } from '../../../shared/text/suggest.ts';
import { type Site, toConfigured } from '../site.ts';
import type { Question } from './parse-question.ts';

/** What the question came to. */
export type Answer =
  | { readonly kind: 'none' }
  | { readonly kind: 'problem'; readonly message: string }
  | { readonly kind: 'report'; readonly report: PodReport };

/** Looks for the answer in the cluster. */
export async function answerQuestion(question: Question, { kube, frame }: Site): Promise<Answer> {
  // SPIRE's ConfigMaps are not the console's to read.
  const look: Look = { resolve: toConfigured(frame.settings), spireNamespaces: [] };
  switch (question.kind) {
    case 'none':
      return question;
    case 'invalid':
      return { kind: 'problem', message: question.message };
    case 'pod': {
      const { namespace, name, container } = question;
      const facts = await readPodFacts({ ...kube, namespace }, name, { ...look, container });
      return facts
        ? toAnswer(facts, container)
        : { kind: 'problem', message: `pod ${namespace}/${name} was not found` };
    }
    case 'described': {
      const { namespace } = question;
      return toAnswer(await readFactsOfPod({ ...kube, namespace }, describePod(question), look), undefined);
    }
  }
}

function toAnswer(facts: PodFacts, container: string | undefined): Answer {
  const names = listContainers(facts.pod).map(({ name }) => name);
  if (container === undefined || names.includes(container))
    return { kind: 'report', report: toPodReport(facts) };
  const message = `the pod has no container "${container}": it has ${names.join(', ')}${toSuggestion(container, names)}`;
  return { kind: 'problem', message };
}
