import { type Repair, type RepairCounts, repairs } from '../../../shared/api/sweep-report.ts';
import { Time } from '../page/parts.tsx';
import type { Settings } from '../../../shared/identity/settings.ts';
import type { Overview } from './overview.ts';

interface InstallationProps {
  readonly overview: Overview;
  readonly settings: Settings;
}

/** How kleym itself is. */
export function Installation({ overview, settings }: InstallationProps) {
  const { functions, findings, sweep } = overview;
  return (
    <section aria-labelledby="installation">
      <h2 id="installation">Installation</h2>
      {findings.map(({ severity, reason, message }) => (
        <p class={`notice ${severity}`}>
          <b>{reason}</b> {message}
        </p>
      ))}
      <dl class="facts">
        <dt>Trust domain</dt>
        <dd class="name">{settings.trustDomain}</dd>
        <dt>Class</dt>
        <dd>{settings.className ?? 'none'}</dd>
        <dt>Functions</dt>
        <dd class={functions.status === 'ERROR' ? 'refused' : ''}>
          <FunctionWords functions={functions} />
        </dd>
        <Sweep sweep={sweep} />
      </dl>
    </section>
  );
}

function FunctionWords({ functions }: Pick<Overview, 'functions'>) {
  const { readyReplicas, replicas, deployment, version, message } = functions;
  if (replicas === undefined) return <>{message}</>;
  return (
    <>
      {readyReplicas} of {replicas} ready in namespace {deployment}
      {version === undefined ? '' : `, ${version}`}
    </>
  );
}

function Sweep({ sweep }: Pick<Overview, 'sweep'>) {
  if (typeof sweep === 'string')
    return (
      <>
        <dt>Last sweep</dt>
        <dd>{sweep === 'none yet' ? 'none has reported yet' : 'not readable'}</dd>
      </>
    );
  return (
    <>
      <dt>Last sweep</dt>
      <dd>
        <Time at={sweep.lookedAt} />, {sweep.namespaces} {sweep.namespaces === 1 ? 'namespace' : 'namespaces'}
        : {Object.keys(sweep.found).length === 0 ? 'nothing to repair' : <Found counts={sweep.found} />}
      </dd>
      <dt>Repaired since</dt>
      <dd>
        <Time at={sweep.since} />:{' '}
        {Object.keys(sweep.total).length === 0 ? 'nothing' : <Found counts={sweep.total} isExplained />}
      </dd>
    </>
  );
}

interface FoundProps {
  readonly counts: RepairCounts;
  readonly isExplained?: boolean;
}

/** What the sweep found, by kind. */
function Found({ counts, isExplained = false }: FoundProps) {
  const found = Object.entries(counts) as [Repair, number][];
  if (!isExplained) return <>{found.map(([repair, count]) => `${count} ${repair}`).join(', ')}</>;
  return (
    <ul class="plain">
      {found.map(([repair, count]) => (
        <li>
          <b>{count}</b> {repair} <span class="message">{repairs[repair].meaning}</span>
        </li>
      ))}
    </ul>
  );
}
