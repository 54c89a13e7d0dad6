import { z } from 'zod';
import type { Outcome } from '../api/outcome.ts';
import { isLabelValue } from '../identity/object-names.ts';
import type { Settings } from '../identity/settings.ts';
import { parseTrustDomain } from '../identity/trust-domain.ts';
import { type TelemetryOptions, samplers } from '../telemetry/telemetry.ts';

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const servingVariables = {
  PORT: toWholeNumber(0, 65_535).default(8080),
  HOST: z.string().default('0.0.0.0'),
  LOG_LEVEL: toOneOf(levels).default('info'),
  KLEYM_GRACE_SECONDS: toWholeNumber(0, 600).default(25),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .string()
    .regex(/^https?:\/\/[^\s/?#]+(\/[^\s?#]*)?$/, {
      error: 'expected the URL of an OTLP receiver over HTTP, such as http://collector.observability:4318',
    })
    .optional(),
  OTEL_TRACES_SAMPLER: toOneOf(samplers).default('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0(\.\d{1,9})?|1(\.0{1,9})?)$/, { error: 'expected a number from 0 to 1' })
    .transform(Number)
    .default(1),
};

// Functions, because a mapper, whose port opens after this is loaded, needs neither them nor those of the console.
const settingsVariables = () => ({
  KLEYM_TRUST_DOMAIN: z
    .string({ error: 'expected the trust domain of your SPIRE server, such as example.org' })
    .superRefine((text, context) => refuse(parseTrustDomain(text), context)),
  KLEYM_CLUSTERSPIFFEID_CLASS_NAME: z
    .string()
    .refine(isLabelValue, {
      error:
        'expected up to 63 letters, digits, ".", "_" and "-", beginning and ending with a letter or digit',
    })
    .optional(),
  KLEYM_NAMESPACE_SELECTOR: toOneOf(['true', 'false']).default('true'),
  KLEYM_OVERLAP_POLICY: toOneOf(['report', 'refuse']).default('report'),
});

/** What every function needs to serve. */
export interface ServingConfig {
  readonly port: number;
  readonly host: string;
  readonly logLevel: (typeof levels)[number];
  readonly graceMs: number;
  readonly telemetry: Pick<TelemetryOptions, 'endpoint' | 'sampler' | 'ratio'>;
}

/** What the functions that render identities need. */
export interface RenderingConfig extends ServingConfig {
  readonly settings: Settings;
}

/** What the console needs beside that. */
export interface ConsoleConfig extends RenderingConfig {
  /** The names under which it is reached, without a port. */
  readonly hosts: readonly string[];
}

/** A name, an IPv4 address, or an IPv6 address in brackets, as a Host header has them. */
const hostPattern = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?|\[[0-9a-f:.]+\])$/;
/** By these `kubectl port-forward` and `npm start` are reached. */
const ownHosts = ['localhost', '127.0.0.1', '[::1]'];

const consoleVariables = () => ({
  KLEYM_CONSOLE_HOSTS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .toLowerCase()
        .split(/[\s,]+/)
        .filter(Boolean),
    )
    .refine((hosts) => hosts.every((host) => hostPattern.test(host)), {
      error: 'expected names without scheme and port, with commas between them',
    }),
});

// What is parsed once is not worth compiling.
const once = { jitless: true };

const Serving = z.object(servingVariables);

function toRendering() {
  return Serving.extend(settingsVariables());
}

/** The environment as a complete configuration, or one line that says what is wrong. */
export type Configured<T> = { readonly kind: 'done'; readonly value: T } | InvalidEnvironment;
interface InvalidEnvironment {
  readonly kind: 'invalid';
  readonly message: string;
}

/** Reads what a function needs to serve. */
export function parseServingConfig(environment: NodeJS.ProcessEnv): Configured<ServingConfig> {
  const parsed = Serving.safeParse(withoutBlanks(environment), once);
  if (!parsed.success) return toInvalid(parsed.error, environment);
  return { kind: 'done', value: toServingConfig(parsed.data) };
}

/** Reads what a function needs to serve and to render identities. */
export function parseRenderingConfig(environment: NodeJS.ProcessEnv): Configured<RenderingConfig> {
  const parsed = toRendering().safeParse(withoutBlanks(environment), once);
  if (!parsed.success) return toInvalid(parsed.error, environment);
  return { kind: 'done', value: toRenderingConfig(parsed.data) };
}

/** Reads what the console needs. */
export function parseConsoleConfig(environment: NodeJS.ProcessEnv): Configured<ConsoleConfig> {
  const parsed = toRendering().extend(consoleVariables()).safeParse(withoutBlanks(environment), once);
  if (!parsed.success) return toInvalid(parsed.error, environment);
  const hosts = [...ownHosts, ...parsed.data.KLEYM_CONSOLE_HOSTS];
  return { kind: 'done', value: { ...toRenderingConfig(parsed.data), hosts } };
}

/** A value that functions would refuse, or a name that no function reads. */
export interface WrongSetting {
  readonly variable: string;
  readonly message: string;
}

/** Finds what is wrong with the values of a config.env. */
export function findWrongSettings(values: Readonly<Record<string, string>>): readonly WrongSetting[] {
  const variables = toRendering();
  const parsed = variables.safeParse(withoutBlanks(values));
  const unknown = Object.keys(values).filter((name) => !Object.hasOwn(variables.shape, name));
  return [
    ...(parsed.error ? toProblems(parsed.error, values) : []),
    ...unknown.map((variable) => ({
      variable,
      message: `${variable} is no setting: expected one of ${Object.keys(variables.shape).join(', ')}`,
    })),
  ];
}

function toRenderingConfig(variables: z.infer<ReturnType<typeof toRendering>>): RenderingConfig {
  const settings: Settings = {
    trustDomain: variables.KLEYM_TRUST_DOMAIN,
    className: variables.KLEYM_CLUSTERSPIFFEID_CLASS_NAME,
    namespaceSelector: variables.KLEYM_NAMESPACE_SELECTOR === 'true',
    overlapPolicy: variables.KLEYM_OVERLAP_POLICY,
  };
  return { ...toServingConfig(variables), settings };
}

function toServingConfig(variables: z.infer<typeof Serving>): ServingConfig {
  return {
    port: variables.PORT,
    host: variables.HOST,
    logLevel: variables.LOG_LEVEL,
    graceMs: variables.KLEYM_GRACE_SECONDS * 1000,
    telemetry: {
      endpoint: variables.OTEL_EXPORTER_OTLP_ENDPOINT,
      sampler: variables.OTEL_TRACES_SAMPLER,
      ratio: variables.OTEL_TRACES_SAMPLER_ARG,
    },
  };
}

/** A variable that a manifest leaves empty counts as not set. */
function withoutBlanks(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
}

function toInvalid(error: z.ZodError, environment: NodeJS.ProcessEnv): InvalidEnvironment {
  const messages = toProblems(error, environment).map(({ message }) => message);
  return { kind: 'invalid', message: messages.join('; ') };
}

function toProblems(error: z.ZodError, environment: NodeJS.ProcessEnv): WrongSetting[] {
  return error.issues.map(({ path: [name], message }) => {
    const variable = String(name);
    const found = environment[variable];
    return { variable, message: `${variable} is ${found ? JSON.stringify(found) : 'not set'}: ${message}` };
  });
}

function refuse(outcome: Outcome<string>, context: z.RefinementCtx): void {
  if (outcome.kind === 'refused') context.addIssue({ code: 'custom', message: outcome.message });
}

function toWholeNumber(min: number, max: number) {
  const error = `expected a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, { error })
    .transform(Number)
    .refine((number) => number >= min && number <= max, { error });
}

function toOneOf<const T extends readonly string[]>(texts: T) {
  return z.enum(texts, { error: `expected one of ${texts.join(', ')}` });
}
