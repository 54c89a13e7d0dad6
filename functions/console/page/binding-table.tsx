import type { BindingLine } from '../../../shared/explain/status/binding-line.ts';
import { toBindingPath, toNamespacePath } from '../links.ts';
import { toState } from '../state.ts';
import { Columns, StateMark, Wide } from './parts.tsx';

interface BindingTableProps {
  readonly label: string;
  readonly lines: readonly BindingLine[];
  /** In a namespace all lines have the same. */
  readonly withNamespace?: boolean;
}

/** Bindings in lines, with the SPIFFE ID, or why there is none. */
export function BindingTable({ label, lines, withNamespace = false }: BindingTableProps) {
  return (
    <Wide label={label}>
      <table class="bindings">
        <Columns names={['Binding', 'State', 'Pool', 'Objective', 'SPIFFE ID, or why there is none']} />
        <tbody>
          {lines.map((line) => (
            <Row line={line} withNamespace={withNamespace} />
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function Row({ line, withNamespace }: { readonly line: BindingLine; readonly withNamespace: boolean }) {
  const { namespace, name, pool, objective } = line;
  return (
    <tr>
      <th scope="row" class="name">
        {withNamespace ? <a href={toNamespacePath(namespace)}>{namespace}</a> : null}
        {withNamespace ? ' / ' : null}
        <a href={toBindingPath(namespace, name)}>{name}</a>
      </th>
      <td>
        <StateMark state={toState(line)} />
      </td>
      <td class="name">{pool}</td>
      <td class="name">{objective ?? ''}</td>
      <td>
        <Outcome line={line} />
      </td>
    </tr>
  );
}

function Outcome({ line: { result, spiffeID, reason, message } }: { readonly line: BindingLine }) {
  if (result === 'OK' && spiffeID !== undefined) return <span class="name">{spiffeID}</span>;
  return (
    <>
      {reason === '' ? null : <b>{reason}</b>} <span class="message">{message}</span>
    </>
  );
}
