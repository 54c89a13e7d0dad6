import type { Overview } from './overview.ts';

/** How kleym itself is. */
export function Installation({ overview: { functions, findings } }: { readonly overview: Overview }) {
  const { status, readyReplicas, replicas, deployment, version, message } = functions;
  return (
    <section aria-labelledby="installation">
      <h2 id="installation">Installation</h2>
      <dl class="facts">
        <dt>Functions</dt>
        <dd class={status === 'ERROR' ? 'refused' : ''}>
          {replicas === undefined
            ? message
            : `${readyReplicas} of ${replicas} ready in namespace ${deployment}${version === undefined ? '' : `, ${version}`}`}
        </dd>
      </dl>
      {findings.map((finding) => (
        <p class={`notice ${finding.severity}`}>
          <b>{finding.reason}</b> {finding.message}
        </p>
      ))}
    </section>
  );
}
