import { bindingResource } from '../../shared/api/binding.ts';
import { outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import { objectiveResources } from '../../shared/api/objective.ts';
import { poolResources } from '../../shared/api/pool.ts';
import { bindingsAffectedType } from '../../shared/events/bindings-affected.ts';
import { toClock } from './printer.ts';
import type { Step } from '../eventing/event-tracker.ts';

/** What an event says, for people. */
export interface EventWords {
  readonly text: string;
  /** The binding that it is about. */
  readonly binding?: { readonly namespace: string; readonly name: string };
}

const changes = { add: 'was created', update: 'was changed', delete: 'was deleted' } as const;

const kinds: ReadonlyMap<string, string> = new Map([
  [bindingResource.plural, 'binding'],
  [outputResource.plural, outputResource.kind],
  ...poolResources.map(({ plural }) => [plural, 'pool'] as const),
  ...objectiveResources.map(({ plural }) => [plural, 'objective'] as const),
]);

/** Says an event in words. What nobody here sends is named by its type and subject. */
export function toEventWords({
  type,
  source,
  subject,
}: Pick<Step, 'type' | 'source' | 'subject'>): EventWords {
  if (type === 'dev.knative.sources.ping') return { text: 'tick: a sweep is due' };
  if (type === bindingsAffectedType)
    return { text: `${toSender(source)} names bindings${subject && ` in ${subject}`}` };
  const [, change] = /^dev\.knative\.apiserver\.resource\.(add|update|delete)$/.exec(type) ?? [];
  const [, namespace = '', plural = '', name = ''] =
    /\/namespaces\/([^/]*)\/([^/]+)\/([^/]+)$/.exec(subject) ?? [];
  if (!isChange(change) || name === '') return { text: `${type} ${subject}`.trim() };
  const place = namespace === '' ? name : `${namespace}/${name}`;
  return {
    text: `${kinds.get(plural) ?? plural} ${place} ${changes[change]}`,
    ...(plural === bindingResource.plural && { binding: { namespace, name } }),
  };
}

function isChange(text: string | undefined): text is keyof typeof changes {
  return text !== undefined && text in changes;
}

function toSender(source: string): string {
  return source.replace(/^\/kleym\//, '');
}

/** What became of a step. */
export function toStepWords({ state, status, nextTryAt }: Step): string {
  const answer = status === undefined ? 'no answer' : `${status}`;
  switch (state) {
    case 'under way':
      return 'under way';
    case 'delivered':
      return answer;
    case 'replied':
      return `${answer}, an event`;
    case 'will retry':
      return `${answer}, next try at ${toClock(new Date(nextTryAt ?? 0))}`;
    case 'dead lettered':
      return `${answer}, given up: a dead letter`;
    case 'lost':
      return `${answer}, given up and lost`;
    case 'reply dropped':
      return `${answer}, its event was dropped`;
    case 'abandoned':
      return 'ended with the Broker';
  }
}

/** `0.4 ms`, `12 ms`, `3.1 s`. */
export function toDuration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
