import type { Child } from 'hono/jsx';
import { toBindingPath } from '../../functions/console/links.ts';
import { Columns, Wide } from '../../functions/console/page/parts.tsx';
import { type Frame, Shell } from '../../functions/console/page/shell.tsx';
import type { State } from '../../functions/console/state.ts';
import type { Chain, RecentEvents, Step, Totals } from '../eventing/event-tracker.ts';
import { toDuration, toEventWords, toStepWords } from './event-words.ts';
import { toClock } from './printer.ts';

/** Where the page is, and what the head of every page calls it. */
export const livePlace = { path: '/live', name: 'Live' } as const;

// Who has thousands waiting knows enough after these.
const mostWaiting = 50;

interface LiveProps {
  readonly frame: Frame;
  readonly recent: RecentEvents;
}

/** What passes through sources, Broker and functions. Times are absolute, so the page of an idle cluster stays the same. */
export function LivePage({ frame, recent }: LiveProps) {
  const { totals, sources, waiting, givenUp, chains } = recent;
  return (
    <Shell frame={frame} title="Live" place={livePlace.path} refreshMs={1000}>
      <h1>Live</h1>
      <p>
        Events on their way from sources through the Broker to functions, in local time.{' '}
        <a href={livePlace.path}>Look again</a>
      </p>
      <Figures totals={totals} waiting={waiting.length} />
      <Sources sources={sources} />
      <Waiting waiting={waiting} />
      {givenUp.length === 0 ? null : (
        <Section id="given-up" title="Given up">
          <Steps label="Events that were given up" steps={givenUp} />
        </Section>
      )}
      <Section id="events" title="Events">
        {chains.length === 0 ? <p>Nothing has happened yet.</p> : <Chains chains={chains} />}
      </Section>
    </Shell>
  );
}

function Figures({ totals, waiting }: { readonly totals: Totals; readonly waiting: number }) {
  const { events, answered, underWay, failedTries, deadLettered, lost } = totals;
  return (
    <dl class="figures">
      <Figure name="events" value={events} />
      <Figure name="deliveries answered" value={answered} />
      <Figure name="under way" value={underWay - waiting} />
      <Figure name="wait for the next try" value={waiting} state="waiting" />
      <Figure name="failed tries" value={failedTries} state="waiting" />
      <Figure name="dead letters" value={deadLettered} state="refused" />
      <Figure name="lost" value={lost} state="refused" />
    </dl>
  );
}

function Figure({
  name,
  value,
  state,
}: {
  readonly name: string;
  readonly value: number;
  readonly state?: State;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={value > 0 ? state : undefined}>{value}</dd>
    </div>
  );
}

function Section({
  id,
  title,
  children,
}: {
  readonly id: string;
  readonly title: string;
  readonly children?: Child;
}) {
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

function Sources({ sources }: Pick<RecentEvents, 'sources'>) {
  return (
    <Section id="sources" title="Sources">
      <ul class="sources">
        {sources.map(({ source, state, reason, since }) => (
          <li>
            <b>{source}</b> <span class={state === 'watching' ? 'ready' : 'waiting'}>{state}</span>
            {reason === undefined ? null : (
              <span class="message">
                {' '}
                since {toTime(since)}: {reason}
              </span>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Waiting({ waiting }: Pick<RecentEvents, 'waiting'>) {
  if (waiting.length === 0) return null;
  const more = waiting.length - mostWaiting;
  return (
    <Section id="waiting" title="Waiting for the next try">
      <Steps label="Events that wait for their next try" steps={waiting.slice(0, mostWaiting)} />
      {more > 0 ? <p>{more} more wait, all of them longer.</p> : null}
    </Section>
  );
}

function Steps({ label, steps }: { readonly label: string; readonly steps: readonly Step[] }) {
  return (
    <Passages label={label}>
      <tbody>
        {steps.map((step) => (
          <Row step={step} time={toTime(step.since)} />
        ))}
      </tbody>
    </Passages>
  );
}

function Chains({ chains }: Pick<RecentEvents, 'chains'>) {
  return (
    <Passages label="Events, the newest first">
      {chains.map((chain) => (
        <tbody>
          {chain.steps.length === 0 ? <Unwanted chain={chain} /> : null}
          {chain.steps.map((step) => (
            <Row
              step={step}
              time={step.id === chain.id ? toTime(step.since) : `+${step.since - chain.since} ms`}
              follows={step.id !== chain.id}
            />
          ))}
          {chain.more === 0 ? null : (
            <tr>
              <td></td>
              <td colspan={5}>{chain.more} more followed from it</td>
            </tr>
          )}
        </tbody>
      ))}
    </Passages>
  );
}

function Passages({ label, children }: { readonly label: string; readonly children?: Child }) {
  return (
    <Wide label={label}>
      <table class="passages">
        <Columns names={['Time', 'Event', 'Function', 'Answer', 'Took', 'Tries']} />
        {children}
      </table>
    </Wide>
  );
}

interface RowProps {
  readonly step: Step;
  readonly time: string;
  /** It is not the event with which its chain began. */
  readonly follows?: boolean;
}

function Row({ step, time, follows = false }: RowProps) {
  const { to, trigger, state, attempt, tookMs, reason } = step;
  return (
    <tr class={follows ? 'follows' : undefined}>
      <td>{time}</td>
      <td>
        <EventText event={step} />
      </td>
      <td>
        {to}
        {trigger === to ? null : <span class="message"> {trigger}</span>}
      </td>
      <td>
        <span class={colors[state]}>{toStepWords(step)}</span>
        {reason === undefined ? null : <span class="message"> {reason}</span>}
      </td>
      <td>{tookMs === undefined ? '' : toDuration(tookMs)}</td>
      <td>{attempt === 1 ? '' : attempt}</td>
    </tr>
  );
}

function Unwanted({ chain }: { readonly chain: Chain }) {
  return (
    <tr>
      <td>{toTime(chain.since)}</td>
      <td>
        <EventText event={chain} />
      </td>
      <td colspan={4} class="message">
        no Trigger lets it pass
      </td>
    </tr>
  );
}

function EventText({ event }: { readonly event: Pick<Step, 'type' | 'source' | 'subject'> }) {
  const { text, binding } = toEventWords(event);
  if (!binding) return <>{text}</>;
  return <a href={toBindingPath(binding.namespace, binding.name)}>{text}</a>;
}

const colors = {
  'under way': 'waiting',
  delivered: 'ready',
  replied: 'ready',
  'will retry': 'waiting',
  'dead lettered': 'refused',
  lost: 'refused',
  'reply dropped': 'refused',
  abandoned: 'refused',
} as const satisfies Record<Step['state'], State>;

/** Much happens within a second, where the reader is. */
function toTime(time: number): string {
  const date = new Date(time);
  return `${toClock(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
