import { toCorrelation } from '../../shared/events/correlation.ts';
import { keepShort } from '../../shared/text/keep-short.ts';
import type { Delivery, DeliveryOutcome } from './broker.ts';
import type { SourceNews } from './sources.ts';
import type { WatchNews } from './watch-resource.ts';
import type { WireEvent } from './wire-event.ts';
import type { TriggerWiring } from './wiring.ts';

/** The way of one event through one Trigger. Times are milliseconds since 1970. */
export interface Step {
  readonly since: number;
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject: string;
  readonly broker: string;
  readonly trigger: string;
  /** The Service that gets the event, or the Broker that gets its dead letter. */
  readonly to: string;
  readonly state: DeliveryOutcome | 'under way';
  /** Of the last try. */
  readonly attempt: number;
  readonly status: number | undefined;
  readonly tookMs: number | undefined;
  readonly reason: string | undefined;
  readonly nextTryAt: number | undefined;
}

/** An event that came from outside, and everything that followed from it. */
export interface Chain {
  readonly since: number;
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject: string;
  /** In the order of their arrival; none where no Trigger lets the event pass. */
  readonly steps: readonly Step[];
  /** How many further ones are not kept. */
  readonly more: number;
}

/** What a source said last about what it watches. */
interface SourceState {
  readonly source: string;
  readonly state: WatchNews['kind'];
  readonly reason: string | undefined;
  readonly since: number;
}

/** How much has passed since the start. */
export interface Totals {
  readonly events: number;
  readonly underWay: number;
  readonly answered: number;
  readonly failedTries: number;
  readonly deadLettered: number;
  readonly lost: number;
}

/** What is known of the events that passed last. */
export interface RecentEvents {
  readonly totals: Totals;
  readonly sources: readonly SourceState[];
  /** What waits for its next try, the first due first. */
  readonly waiting: readonly Step[];
  /** What was given up, the newest first. */
  readonly givenUp: readonly Step[];
  /** The newest first. */
  readonly chains: readonly Chain[];
}

/** Listens to Brokers and sources, and keeps a little of what passes. */
export interface EventTracker {
  readonly onAccepted: (event: WireEvent, triggers: readonly string[]) => void;
  readonly onDelivery: (delivery: Delivery) => void;
  readonly onNews: (news: SourceNews) => void;
  readonly recent: () => RecentEvents;
}

/** More than a person reads. */
const mostChains = 100;
/** A changed binding has about six. A storm that follows from one event has thousands. */
const mostSteps = 30;
const mostGivenUp = 50;
/** Two names of Kubernetes, of at most 253 characters each, and what stands around them. What is longer was posted by hand. */
const longestText = 600;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type KeptStep = Mutable<Step>;
interface KeptChain extends Mutable<Chain> {
  readonly steps: KeptStep[];
}

interface Tracked {
  readonly triggers: ReadonlyMap<string, TriggerWiring>;
  readonly now: () => number;
  readonly totals: Mutable<Totals>;
  readonly sources: Map<string, SourceState>;
  /** The oldest first. */
  readonly chains: Map<string, KeptChain>;
  /** As many as the Broker lets wait, and it keeps the whole event of each. */
  readonly waiting: Map<string, KeptStep>;
  readonly givenUp: KeptStep[];
}

/** Tracks events by short texts, so that nothing keeps the events themselves in memory. */
export function createEventTracker(triggers: readonly TriggerWiring[], now: () => number): EventTracker {
  const tracked: Tracked = {
    triggers: new Map(triggers.map((trigger) => [trigger.name, trigger])),
    now,
    totals: { events: 0, underWay: 0, answered: 0, failedTries: 0, deadLettered: 0, lost: 0 },
    sources: new Map(),
    chains: new Map(),
    waiting: new Map(),
    givenUp: [],
  };
  return {
    onAccepted: (event, names) => accept(tracked, event, names),
    onDelivery: (delivery) => settle(tracked, delivery),
    onNews: ({ source, ...news }) => {
      if (news.kind === 'lost') tracked.totals.lost += 1;
      else tracked.sources.set(source, toState(source, news, now()));
    },
    recent: () => toRecent(tracked),
  };
}

function accept(tracked: Tracked, event: WireEvent, names: readonly string[]): void {
  tracked.totals.events += 1;
  tracked.totals.underWay += names.length;
  const chain = findChain(tracked, event);
  for (const name of names) {
    if (chain.steps.length < mostSteps) chain.steps.push(begin(tracked, event, name, 'subscriber'));
    else chain.more += 1;
  }
}

function settle(tracked: Tracked, delivery: Delivery): void {
  const { totals, waiting, givenUp, now } = tracked;
  const { event, trigger, to, outcome, attempt, status, tookMs, waitMs, reason } = delivery;
  count(totals, delivery);
  const key = [trigger, to, event.attributes['source'], event.attributes['id']].join(' ');
  const step = waiting.get(key) ?? findStep(tracked, delivery);
  step.state = outcome;
  step.attempt = attempt;
  step.status = status;
  step.tookMs = tookMs;
  step.reason = reason === undefined ? undefined : keepShort(reason, longestText);
  step.nextTryAt = waitMs === undefined ? undefined : now() + waitMs;
  if (outcome === 'will retry') waiting.set(key, step);
  else waiting.delete(key);
  if (!isGivenUp(delivery)) return;
  givenUp.unshift(step);
  givenUp.splice(mostGivenUp);
}

function findChain({ chains, now }: Tracked, event: WireEvent): KeptChain {
  const id = toChainId(event);
  const known = chains.get(id);
  if (known) return known;
  const [oldest] = chains.keys();
  if (oldest !== undefined && chains.size >= mostChains) chains.delete(oldest);
  const chain = { ...toTexts(event), since: now(), steps: [], more: 0 };
  chains.set(id, chain);
  return chain;
}

/** The step that has its first answer; a new one where its chain is no longer kept, and for a dead letter. */
function findStep(tracked: Tracked, { event, trigger, to }: Delivery): KeptStep {
  const { id, source } = toTexts(event);
  const steps = to === 'subscriber' ? tracked.chains.get(toChainId(event))?.steps : undefined;
  const begun = steps?.find(
    (step) =>
      step.state === 'under way' && step.trigger === trigger && step.id === id && step.source === source,
  );
  return begun ?? begin(tracked, event, trigger, to);
}

function begin({ triggers, now }: Tracked, event: WireEvent, name: string, to: Delivery['to']): KeptStep {
  const trigger = triggers.get(name);
  const destination = to === 'subscriber' ? trigger?.subscriber : trigger?.delivery.deadLetterSink;
  return {
    ...toTexts(event),
    since: now(),
    broker: trigger?.broker ?? '',
    trigger: name,
    to: destination?.name ?? '',
    state: 'under way',
    attempt: 1,
    status: undefined,
    tookMs: undefined,
    reason: undefined,
    nextTryAt: undefined,
  };
}

function toRecent({ totals, sources, waiting, givenUp, chains }: Tracked): RecentEvents {
  return {
    totals: { ...totals },
    sources: [...sources.values()],
    waiting: copy([...waiting.values()]).toSorted((a, b) => (a.nextTryAt ?? 0) - (b.nextTryAt ?? 0)),
    givenUp: copy(givenUp),
    chains: [...chains.values()].map((chain) => ({ ...chain, steps: copy(chain.steps) })).toReversed(),
  };
}

/** What follows from an event has its correlation, and its own id is the correlation of the first. */
function toChainId({ attributes }: WireEvent): string {
  const { id = '', correlationid } = attributes;
  return toCorrelation({ id, correlationid }).correlationid ?? keepShort(id, longestText);
}

function toTexts({ attributes }: WireEvent): Pick<Step, 'id' | 'type' | 'source' | 'subject'> {
  const { id = '', type = '', source = '', subject = '' } = attributes;
  return {
    id: keepShort(id, longestText),
    type: keepShort(type, longestText),
    source: keepShort(source, longestText),
    subject: keepShort(subject, longestText),
  };
}

function count(totals: Mutable<Totals>, delivery: Delivery): void {
  const { outcome, to } = delivery;
  if (outcome === 'will retry') totals.failedTries += 1;
  else if (outcome !== 'dead lettered') totals.underWay -= 1; // what becomes a dead letter is still under way
  if (to === 'subscriber' && (outcome === 'delivered' || outcome === 'replied')) totals.answered += 1;
  if (outcome === 'dead lettered') totals.deadLettered += 1;
  else if (isGivenUp(delivery)) totals.lost += 1;
}

function isGivenUp({ outcome, to }: Delivery): boolean {
  if (outcome === 'dead lettered' || outcome === 'lost') return true;
  return outcome === 'reply dropped' && to === 'subscriber'; // a dead letter sink has taken the event, whatever it replies
}

function toState(source: string, news: WatchNews, since: number): SourceState {
  const reason = news.kind === 'watching' ? undefined : keepShort(news.reason, longestText);
  return { source, state: news.kind, reason, since };
}

function copy(steps: readonly KeptStep[]): Step[] {
  return steps.map((step) => ({ ...step }));
}
