import type { Child } from 'hono/jsx';
import type { Page } from '../paging.ts';
import { type Counts, type State, states, toTotal } from '../state.ts';

const marks = { refused: '✕', waiting: '◷', ready: '✓' } as const satisfies Record<State, string>;

/** What a binding has come to. The word says it too, for who does not see colours. */
export function StateMark({ state, children }: { readonly state: State; readonly children?: Child }) {
  return (
    <span class={`state ${state}`}>
      <span aria-hidden="true">{marks[state]}</span> {children ?? state}
    </span>
  );
}

const barWidth = 100;

/** The shares of a number of bindings. Whoever shows it says the numbers beside it. */
export function Bar({ counts }: { readonly counts: Counts }) {
  const total = toTotal(counts);
  // A single refused one of thousands must still be seen.
  const widths = states.map((state) =>
    counts[state] === 0 ? 0 : Math.max(3, (counts[state] / total) * barWidth),
  );
  const scale =
    barWidth /
    Math.max(
      1,
      widths.reduce((sum, width) => sum + width, 0),
    );
  let x = 0;
  return (
    <svg class="bar" viewBox={`0 0 ${barWidth} 8`} preserveAspectRatio="none" aria-hidden="true">
      {states.map((state, index) => {
        const width = (widths[index] ?? 0) * scale;
        const left = x;
        x += width;
        return width === 0 ? null : (
          <rect class={state} x={left.toFixed(2)} width={width.toFixed(2)} height={8} />
        );
      })}
    </svg>
  );
}

interface PagesProps {
  readonly page: Page<unknown>;
  /** What there are pages of. */
  readonly what: string;
  readonly toPath: (page: number) => string;
}

/** Where the other pages of a list are; nothing where there is one. */
export function Pages({ page: { number, pages, total }, what, toPath }: PagesProps) {
  if (pages === 1) return null;
  return (
    <nav class="pages" aria-label={`Pages of ${what}`}>
      {number > 1 ? <a href={toPath(number - 1)}>← Previous</a> : null}
      <span>
        Page {number} of {pages} ({total} {what})
      </span>
      {number < pages ? <a href={toPath(number + 1)}>Next →</a> : null}
    </nav>
  );
}

/** A box that is scrolled sideways where it is too wide; by the keyboard, too. */
export function Wide({ label, children }: { readonly label: string; readonly children?: Child }) {
  return (
    <div class="wide" role="group" aria-label={label} tabindex={0}>
      {children}
    </div>
  );
}

/** The head of a table that has a name for each column. */
export function Columns({ names }: { readonly names: readonly string[] }) {
  return (
    <thead>
      <tr>
        {names.map((name) => (
          <th scope="col">{name}</th>
        ))}
      </tr>
    </thead>
  );
}

/** A time of the API server, as it is. */
export function Time({ at }: { readonly at: string }) {
  const words = at.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');
  return (
    <time class="time" datetime={at}>
      {words}
    </time>
  );
}
