import { findWrongSettings } from '../../shared/runtime/config.ts';
import {
  type ControllerManagerConfig,
  handlesClass,
  ignoresNamespace,
} from '../../shared/explain/spire/controller-manager.ts';
import { type Check, type DoctorFacts, isRead } from './doctor-facts.ts';
import type { ConfigMap, Service } from './installation.ts';

/** Whether the settings of the functions agree with each other, with the policies, and with SPIRE. */
export function checkSettings(facts: DoctorFacts): Check[] {
  const { configMaps, services, controllerManager } = facts;
  const area = 'settings';
  if (!isRead(services) || !isRead(configMaps))
    return [{ area, status: 'unknown', message: 'the settings of the functions could not be read' }];
  const [reconcile, sweep] = ['reconcile', 'sweep'].map((name) => findSettings(name, services, configMaps));
  if (!reconcile)
    return [{ area, status: 'unknown', message: 'the ConfigMap of function reconcile was not found' }];
  const domain = reconcile['KLEYM_TRUST_DOMAIN'] ?? '';
  const className = reconcile['KLEYM_CLUSTERSPIFFEID_CLASS_NAME'] || undefined;
  return [
    ...checkValues(reconcile),
    ...(sweep && isDifferent(reconcile, sweep)
      ? [
          {
            area,
            status: 'error',
            message:
              'functions reconcile and sweep have different settings: each wants to rewrite what the other wrote',
            advice: 'apply your overlay, so that both have the same ConfigMap',
          } as const,
        ]
      : []),
    ...checkPolicies(facts, reconcile),
    ...(controllerManager
      ? checkController(controllerManager, domain, className, facts)
      : [
          {
            area,
            status: 'unknown',
            message: "SPIRE Controller Manager's configuration was not found",
            advice: '--spire-namespace names the namespace that it is in',
          } as const,
        ]),
  ];
}

/** What the ConfigMap of a function says. */
export type Settings = Readonly<Record<string, string>>;

/** The functions refuse such values too, but then they do not start, and only their logs say why. */
function checkValues(settings: Settings): Check[] {
  const area = 'settings';
  const wrong = findWrongSettings(settings);
  if (wrong.length > 0)
    return wrong.map(({ message }) => ({ area, status: 'error', message, advice: inConfigEnv }));
  return [toSettingsSaid(settings)];
}

/** Where settings are changed. */
export const inConfigEnv = 'change it in the config.env of your overlay';

/** Settings that are right, as they are said. */
export function toSettingsSaid(settings: Settings): Check {
  const { KLEYM_TRUST_DOMAIN: domain, KLEYM_CLUSTERSPIFFEID_CLASS_NAME: className } = settings;
  return {
    area: 'settings',
    status: 'ok',
    message: `trust domain ${domain}, ${className ? `class ${className}` : 'no class'}`,
  };
}

/** The settings of a function, from the ConfigMap that its Service names. */
export function findSettings(
  name: string,
  services: readonly Service[],
  configMaps: readonly ConfigMap[],
): Settings | undefined {
  const service = services.find(({ metadata }) => metadata.name === name);
  const [container] = service?.spec.template.spec.containers ?? [];
  const names = (container?.envFrom ?? []).flatMap(({ configMapRef }) => configMapRef?.name ?? []);
  const found = names.flatMap((one) => configMaps.find(({ metadata }) => metadata.name === one) ?? []);
  return found.length === 0 ? undefined : Object.assign({}, ...found.map(({ data = {} }) => data));
}

function isDifferent(a: Settings, b: Settings): boolean {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) =>
    name.startsWith('KLEYM_'),
  );
  return names.some((name) => (a[name] ?? '') !== (b[name] ?? ''));
}

/** What kleym-output-content carries of the settings, and what a difference leads to. */
const carried = [
  {
    variable: 'trustDomain',
    setting: 'KLEYM_TRUST_DOMAIN',
    title: 'trust domain',
    result: 'it refuses every output',
  },
  {
    variable: 'namespaceSelector',
    setting: 'KLEYM_NAMESPACE_SELECTOR',
    title: 'namespace selector',
    result: 'it does not judge what they render',
  },
] as const;

/** Whether the admission policies have the settings of the functions in them. */
export function checkPolicies({ policies }: Pick<DoctorFacts, 'policies'>, settings: Settings): Check[] {
  const area = 'settings';
  if (!isRead(policies)) return [];
  const content = policies.find(({ metadata }) => metadata.name === 'kleym-output-content');
  if (!content)
    return [
      { area, status: 'ok', message: 'the admission policies are not installed (they are a component)' },
    ];
  const wrong = carried.flatMap(({ variable, setting, title, result }): Check[] => {
    const said = content.spec.variables?.find(({ name }) => name === variable)?.expression ?? '';
    const expected = `'${settings[setting] ?? ''}'`;
    if (said === expected) return [];
    return [
      {
        area,
        status: 'error',
        message: `policy kleym-output-content carries the ${title} ${said}, the functions have ${expected}: ${result}`,
        advice: 'apply your overlay with its replacements (knative/overlays/example)',
      },
    ];
  });
  return wrong.length > 0
    ? wrong
    : [{ area, status: 'ok', message: 'the admission policies carry the settings of the functions' }];
}

function checkController(
  config: ControllerManagerConfig,
  domain: string,
  className: string | undefined,
  { bindings }: DoctorFacts,
): Check[] {
  const area = 'settings';
  const checks: Check[] = [];
  if (config.trustDomain !== undefined && config.trustDomain !== domain)
    checks.push({
      area,
      status: 'error',
      message: `SPIRE Controller Manager has the trust domain ${config.trustDomain}, the functions have ${domain}: no entry can be made`,
      advice: `set KLEYM_TRUST_DOMAIN to ${config.trustDomain}`,
    });
  if (!handlesClass(config, className)) {
    const theirs = config.className
      ? `only on class "${config.className}"`
      : 'only on outputs without a class';
    checks.push({
      area,
      status: 'error',
      message: `SPIRE Controller Manager acts ${theirs}, the outputs have ${className === undefined ? 'none' : `"${className}"`}`,
      advice: `set KLEYM_CLUSTERSPIFFEID_CLASS_NAME to "${config.className ?? ''}"`,
    });
  }
  const namespaces = isRead(bindings) ? new Set(bindings.map(({ metadata }) => metadata.namespace)) : [];
  const ignored = [...namespaces].filter((namespace) => ignoresNamespace(config, namespace));
  if (ignored.length > 0)
    checks.push({
      area,
      status: 'error',
      message: `SPIRE Controller Manager ignores namespaces with bindings: ${ignored.join(', ')}`,
      advice: 'take them out of its ignoreNamespaces',
    });
  return checks.length > 0
    ? checks
    : [
        {
          area,
          status: 'ok',
          message: 'SPIRE Controller Manager has the same trust domain, and acts on our class',
        },
      ];
}
