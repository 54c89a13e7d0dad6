import { type Finding, toBindingRef } from '../finding.ts';
import type { BindingLine } from './binding-line.ts';

/** Bindings whose statuses were written under different settings: two installations, or one that has not caught up. */
export function findMixedSettings(lines: readonly BindingLine[]): Finding[] {
  const written = lines.filter(({ trustDomain }) => trustDomain !== undefined);
  const groups = [...Map.groupBy(written, toSettingWords)].toSorted(([, a], [, b]) => b.length - a.length);
  const [, ...others] = groups;
  if (others.length === 0) return [];
  const said = groups.map(([words, { length }]) => `${words} (${length})`).join(', ');
  const few = others.flatMap(([, group]) => group).slice(0, 20);
  return [
    {
      id: 'identity-config-mixed',
      severity: 'warning',
      reason: 'MixedSettings',
      message: `bindings were evaluated under different settings: ${said}; either two installations write here, or bindings wait for the next sweep`,
      affectedRefs: few.map(({ namespace, name }) => toBindingRef(namespace, name)),
    },
  ];
}

function toSettingWords({ trustDomain = '', className }: BindingLine): string {
  return `trust domain ${trustDomain}, ${className === undefined ? 'no class' : `class ${className}`}`;
}
