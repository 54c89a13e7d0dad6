import type { Peer } from '../../../shared/api/binding.ts';
import type { Condition } from '../../../shared/api/conditions.ts';
import type { InspectionReport } from '../../../shared/explain/inspect/inspection-report.ts';
import { toBindingPath } from '../links.ts';
import { Columns, StateMark, Time, Wide } from '../page/parts.tsx';
import type { State } from '../state.ts';

/** The conditions; of what is as it should be the name is enough. */
export function Conditions({ conditions }: { readonly conditions: readonly Condition[] }) {
  if (conditions.length === 0) return <p>None yet.</p>;
  return (
    <Wide label="Conditions">
      <table>
        <Columns names={['Condition', 'Reason', 'Message', 'Since']} />
        <tbody>
          {conditions.map((condition) => (
            <tr>
              <th scope="row">
                <StateMark state={toState(condition)}>{`${condition.type}=${condition.status}`}</StateMark>
              </th>
              <td>{condition.reason}</td>
              <td>
                <span class="message">{condition.message}</span>
              </td>
              <td>
                <Time at={condition.lastTransitionTime} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function toState({ type, status }: Condition): State {
  if (status === 'Unknown') return 'waiting';
  return status === (type === 'Ready' ? 'True' : 'False') ? 'ready' : 'refused';
}

const peerWords = { IdentityCollision: 'collides', PossibleOverlap: 'may overlap' } as const;

interface PeersProps {
  readonly namespace: string;
  readonly peers: readonly Peer[] | undefined;
}

/** The bindings that ask for the same workloads, or may. */
export function Peers({ namespace, peers }: PeersProps) {
  return (
    <section aria-labelledby="peers">
      <h2 id="peers">Peers</h2>
      {peers === undefined ? <p>Not known: something could not be read.</p> : null}
      {peers?.length === 0 ? <p>None: no other binding asks for the same workloads.</p> : null}
      <ul class="plain">
        {peers?.map(({ name, reason }) => (
          <li>
            <a class="name" href={toBindingPath(namespace, name)}>
              {name}
            </a>{' '}
            <span class={reason === 'IdentityCollision' ? 'refused' : 'waiting'}>{peerWords[reason]}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A pool may have thousands of pods. The first show that it works, and the number says the rest. */
const mostPods = 50;

/** Which pods match every selector. Whether they have an identity only SPIRE knows. */
export function MatchedPods({ report }: { readonly report: InspectionReport }) {
  const { capabilities, matchedPods } = report;
  return (
    <section aria-labelledby="pods">
      <h2 id="pods">Matched pods</h2>
      {capabilities.pods === 'skipped' ? <p>Nothing is rendered that a pod could match.</p> : null}
      {capabilities.pods === 'partial' ? <p>Not known: pods could not be read.</p> : null}
      {capabilities.pods === 'full' ? <p>{matchedPods.length === 0 ? 'None.' : matchedPods.length}</p> : null}
      <ul class="plain name">
        {matchedPods.slice(0, mostPods).map(({ namespace, pod, container }) => (
          <li>
            {namespace}/{pod}
            {container === undefined ? '' : ` container=${container}`}
          </li>
        ))}
      </ul>
      {matchedPods.length > mostPods ? <p>… and {matchedPods.length - mostPods} more</p> : null}
    </section>
  );
}

/** The latest tell most. */
const mostEvents = 50;

/** The Kubernetes Events about the binding, the latest first. */
export function Events({ events }: { readonly events: InspectionReport['events'] | undefined }) {
  return (
    <section aria-labelledby="events">
      <h2 id="events">Events</h2>
      {events === undefined ? <p>Not known: Events could not be read.</p> : null}
      {events?.length === 0 ? <p>None. The API server keeps them for an hour or so.</p> : null}
      {events === undefined || events.length === 0 ? null : (
        <Wide label="Events">
          <table>
            <Columns names={['Time', 'Type', 'Reason', 'Message']} />
            <tbody>
              {events
                .toReversed()
                .slice(0, mostEvents)
                .map(({ at, type, reason, message }) => (
                  <tr>
                    <td>
                      <Time at={at} />
                    </td>
                    <td class={type === 'Warning' ? 'waiting' : ''}>{type}</td>
                    <td>{reason}</td>
                    <td>
                      <span class="message">{message}</span>
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
        </Wide>
      )}
    </section>
  );
}
