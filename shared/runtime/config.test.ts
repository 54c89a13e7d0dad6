import { describe, expect, test } from 'vitest';
import { findWrongSettings, parseRenderingConfig, parseServingConfig } from './config.ts';

const off = { endpoint: undefined, sampler: 'parentbased_always_on', ratio: 1 };

describe('the environment of every function', () => {
  test('may be empty', () => {
    expect(parseServingConfig({})).toEqual({
      kind: 'done',
      value: { port: 8080, host: '0.0.0.0', logLevel: 'info', graceMs: 25_000, telemetry: off },
    });
  });

  test('is read in full', () => {
    const environment = {
      PORT: '0',
      HOST: '127.0.0.1',
      LOG_LEVEL: 'debug',
      KLEYM_GRACE_SECONDS: '5',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.observability:4318',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
      HOME: '/root',
    };
    expect(parseServingConfig(environment)).toEqual({
      kind: 'done',
      value: {
        port: 0,
        host: '127.0.0.1',
        logLevel: 'debug',
        graceMs: 5000,
        telemetry: {
          endpoint: 'http://collector.observability:4318',
          sampler: 'parentbased_traceidratio',
          ratio: 0.25,
        },
      },
    });
  });

  test('takes a variable that is empty for one that is not set', () => {
    expect(parseServingConfig({ PORT: '', HOST: '', LOG_LEVEL: '' })).toEqual(parseServingConfig({}));
  });

  test.each([
    ['PORT', 'http', 'PORT is "http": expected a whole number from 0 to 65535'],
    ['PORT', '65536', 'PORT is "65536": expected a whole number from 0 to 65535'],
    ['PORT', '-1', 'PORT is "-1": expected a whole number from 0 to 65535'],
    ['PORT', '80.5', 'PORT is "80.5": expected a whole number from 0 to 65535'],
    ['PORT', ' 80', 'PORT is " 80": expected a whole number from 0 to 65535'],
    ['PORT', '1e3', 'PORT is "1e3": expected a whole number from 0 to 65535'],
    [
      'LOG_LEVEL',
      'INFO',
      'LOG_LEVEL is "INFO": expected one of trace, debug, info, warn, error, fatal, silent',
    ],
    ['KLEYM_GRACE_SECONDS', '601', 'KLEYM_GRACE_SECONDS is "601": expected a whole number from 0 to 600'],
    [
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'collector:4317',
      'OTEL_EXPORTER_OTLP_ENDPOINT is "collector:4317": expected the URL of an OTLP receiver over HTTP, such as http://collector.observability:4318',
    ],
    [
      'OTEL_TRACES_SAMPLER',
      'jaeger_remote',
      'OTEL_TRACES_SAMPLER is "jaeger_remote": expected one of parentbased_always_on, parentbased_always_off, parentbased_traceidratio, always_on, always_off, traceidratio',
    ],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5', 'OTEL_TRACES_SAMPLER_ARG is "1.5": expected a number from 0 to 1'],
  ])('with %s=%s is refused in one line', (name, value, message) => {
    expect(parseServingConfig({ [name]: value })).toEqual({ kind: 'invalid', message });
  });

  test('does not look at what only rendering needs', () => {
    expect(parseServingConfig({ KLEYM_TRUST_DOMAIN: 'spiffe://nonsense' })).toHaveProperty('kind', 'done');
  });

  test('tells all that is wrong in one line', () => {
    expect(parseServingConfig({ PORT: 'a', LOG_LEVEL: 'b' })).toHaveProperty(
      'message',
      'PORT is "a": expected a whole number from 0 to 65535; LOG_LEVEL is "b": expected one of trace, debug, info, warn, error, fatal, silent',
    );
  });
});

describe('the environment of a function that renders', () => {
  test('needs a trust domain and has defaults for the rest', () => {
    expect(parseRenderingConfig({ KLEYM_TRUST_DOMAIN: 'example.org' })).toEqual({
      kind: 'done',
      value: {
        port: 8080,
        host: '0.0.0.0',
        logLevel: 'info',
        graceMs: 25_000,
        telemetry: off,
        settings: {
          trustDomain: 'example.org',
          className: undefined,
          namespaceSelector: true,
          overlapPolicy: 'report',
        },
      },
    });
  });

  test('is read in full', () => {
    const environment = {
      KLEYM_TRUST_DOMAIN: 'example.org',
      KLEYM_CLUSTERSPIFFEID_CLASS_NAME: 'kleym',
      KLEYM_NAMESPACE_SELECTOR: 'false',
      KLEYM_OVERLAP_POLICY: 'refuse',
    };
    expect(parseRenderingConfig(environment)).toMatchObject({
      value: {
        settings: {
          trustDomain: 'example.org',
          className: 'kleym',
          namespaceSelector: false,
          overlapPolicy: 'refuse',
        },
      },
    });
  });

  test.each([{}, { KLEYM_TRUST_DOMAIN: '' }])('without a trust domain is refused: %o', (environment) => {
    expect(parseRenderingConfig(environment)).toEqual({
      kind: 'invalid',
      message:
        'KLEYM_TRUST_DOMAIN is not set: expected the trust domain of your SPIRE server, such as example.org',
    });
  });

  test.each([
    ['KLEYM_TRUST_DOMAIN', 'spiffe://example.org', 'without scheme, path or blanks'],
    ['KLEYM_TRUST_DOMAIN', ' example.org', 'without scheme, path or blanks'],
    ['KLEYM_TRUST_DOMAIN', 'example.org/ns', 'without scheme, path or blanks'],
    ['KLEYM_CLUSTERSPIFFEID_CLASS_NAME', ' kleym', 'expected up to 63 letters'],
    ['KLEYM_CLUSTERSPIFFEID_CLASS_NAME', 'kleym ', 'expected up to 63 letters'],
    ['KLEYM_CLUSTERSPIFFEID_CLASS_NAME', '-kleym', 'expected up to 63 letters'],
    ['KLEYM_CLUSTERSPIFFEID_CLASS_NAME', 'k'.repeat(64), 'expected up to 63 letters'],
    ['KLEYM_NAMESPACE_SELECTOR', 'yes', 'expected one of true, false'],
    ['KLEYM_OVERLAP_POLICY', 'ignore', 'expected one of report, refuse'],
  ])('with %s=%s is refused', (name, value, expected) => {
    const parsed = parseRenderingConfig({ KLEYM_TRUST_DOMAIN: 'example.org', [name]: value });
    expect(parsed).toEqual({
      kind: 'invalid',
      message: expect.stringContaining(`${name} is ${JSON.stringify(value)}: `),
    });
    expect(parsed).toHaveProperty('message', expect.stringContaining(expected));
  });
});

describe('the values of a config.env', () => {
  test('may be those of every function', () => {
    const values = {
      KLEYM_TRUST_DOMAIN: 'prod.corp',
      KLEYM_CLUSTERSPIFFEID_CLASS_NAME: '',
      LOG_LEVEL: 'info',
    };
    expect(findWrongSettings(values)).toEqual([]);
  });

  test.each([
    ['KLEYM_TRUST_DOMAIN', 'spiffe://prod.corp', 'KLEYM_TRUST_DOMAIN is "spiffe://prod.corp": '],
    ['KLEYM_TRUST_DOMAIN', '"prod.corp"', String.raw`KLEYM_TRUST_DOMAIN is "\"prod.corp\"": `],
    ['KLEYM_TRUST_DOMAIN', '<YOUR-TRUST-DOMAIN>', 'KLEYM_TRUST_DOMAIN is "<YOUR-TRUST-DOMAIN>": '],
    ['KLEYM_TRUST_DOMAIN', '', 'KLEYM_TRUST_DOMAIN is not set: '],
    ['KLEYM_CLUSTERSPIFFEID_CLASS_NAME', "'spire'", `KLEYM_CLUSTERSPIFFEID_CLASS_NAME is "'spire'": `],
    ['KLEYM_NAMESPACE_SELECTOR', 'true # confined', 'KLEYM_NAMESPACE_SELECTOR is "true # confined": '],
    ['KLEYM_TRUSTDOMAIN', 'prod.corp', 'KLEYM_TRUSTDOMAIN is no setting: expected one of PORT, HOST, '],
  ])('with %s=%s are refused', (name, value, message) => {
    expect(findWrongSettings({ KLEYM_TRUST_DOMAIN: 'prod.corp', [name]: value })).toEqual([
      { variable: name, message: expect.stringContaining(message) },
    ]);
  });
});
