import type { Child } from 'hono/jsx';
import { type Counts, states, toTotal } from '../state.ts';
import { Bar, Wide } from './parts.tsx';

interface CountsTableProps {
  readonly label: string;
  /** What is counted in a row. */
  readonly head: string;
  readonly rows: readonly { readonly name: Child; readonly counts: Counts }[];
}

/** How many bindings have come to what, a row for each namespace or pool. */
export function CountsTable({ label, head, rows }: CountsTableProps) {
  return (
    <Wide label={label}>
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">{head}</th>
            <td></td>
            {states.map((state) => (
              <th scope="col">{state}</th>
            ))}
            <th scope="col">in all</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, counts }) => (
            <tr>
              <th scope="row" class="name">
                {name}
              </th>
              <td>
                <Bar counts={counts} />
              </td>
              {states.map((state) => (
                <td class={counts[state] > 0 ? state : 'zero'}>{counts[state]}</td>
              ))}
              <td>{toTotal(counts)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}
