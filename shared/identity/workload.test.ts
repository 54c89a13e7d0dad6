import { describe, expect, test } from 'vitest';
import { perObjective, poolOnly } from '../../test/support/inference.ts';
import { parseWorkload } from './workload.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const image = `registry.example.org/models/llama@${digest}`;
const { containerName: _container, ...withoutContainer } = perObjective;

function refusal(reason: string, message: string) {
  return { kind: 'refused', condition: 'RenderFailure', reason, message, retry: false };
}

describe('a workload', () => {
  test('of a pool is known by its service account', () => {
    expect(parseWorkload(poolOnly)).toEqual({ kind: 'done', value: { serviceAccountName: 'inference-sa' } });
  });

  test.each([
    ['its container', perObjective, { container: 'main' }],
    ['the image of its container', { ...withoutContainer, containerImage: image }, { image }],
    ['both', { ...perObjective, containerImage: image }, { container: 'main', image }],
    [
      'its container, where the image is empty',
      { ...perObjective, containerImage: '' },
      { container: 'main' },
    ],
    [
      'the image, where the container is empty',
      { ...perObjective, containerName: '', containerImage: image },
      { image },
    ],
  ])('of an objective is known by %s as well', (_what, spec, known) => {
    expect(parseWorkload(spec)).toEqual({
      kind: 'done',
      value: { serviceAccountName: 'inference-sa', ...known },
    });
  });

  test.each([withoutContainer, { ...withoutContainer, containerName: '', containerImage: '' }])(
    'of an objective needs a container or an image',
    (spec) => {
      expect(parseWorkload(spec)).toEqual(
        refusal(
          'MissingContainerDiscriminator',
          'containerName or containerImage is required when mode is PerObjective',
        ),
      );
    },
  );

  test.each(['main', ' '])('of a pool has no container, not even %j', (containerName) => {
    expect(parseWorkload({ ...poolOnly, containerName })).toEqual(
      refusal('UnexpectedContainerName', 'containerName must be empty when mode is PoolOnly'),
    );
  });

  test.each([image, ' '])('of a pool has no image, not even %j', (containerImage) => {
    expect(parseWorkload({ ...poolOnly, containerImage })).toEqual(
      refusal('UnexpectedContainerImage', 'containerImage must be empty when mode is PoolOnly'),
    );
  });

  test('of a pool may have an empty container name', () => {
    expect(parseWorkload({ ...poolOnly, containerName: '', containerImage: '' }).kind).toBe('done');
  });
});

describe('a service account', () => {
  test.each([
    'Invalid_ServiceAccount',
    ' inference-sa',
    'inference-sa ',
    '',
    'a:b',
    '{{x}}',
    's'.repeat(254),
  ])('is not called %j, and nothing is trimmed', (serviceAccountName) => {
    expect(parseWorkload({ ...perObjective, serviceAccountName })).toEqual(
      refusal(
        'InvalidServiceAccountName',
        `serviceAccountName "${serviceAccountName}" is not the name of a service account: expected lower case letters, digits, "-" and ".", without blanks`,
      ),
    );
  });
});

describe('a container', () => {
  test.each(['model_server', ' main', 'main ', 'Main', 'a.b', ' ', 'main\n', '{{x}}', 'c'.repeat(64)])(
    'is not called %j, and nothing is trimmed',
    (containerName) => {
      expect(parseWorkload({ ...perObjective, containerName })).toEqual(
        refusal(
          'InvalidContainerName',
          `containerName "${containerName}" is not the name of a container: expected up to 63 lower case letters, digits and "-", without blanks`,
        ),
      );
    },
  );
});

describe('an image', () => {
  test.each([
    `docker.io/library/nginx@${digest}`,
    `localhost/model@${digest}`,
    `localhost:5000/model@${digest}`,
    `127.0.0.1:5000/model@${digest}`,
    `registry:5000/a/b/c@${digest}`,
    `GHCR.io/a__b/c--d/e.f_g@${digest}`,
    `a.b/${'c'.repeat(436)}@${digest}`,
  ])('may be %s', (containerImage) => {
    expect(parseWorkload({ ...withoutContainer, containerImage })).toMatchObject({
      value: { image: containerImage },
    });
  });

  test.each([
    'nginx',
    'docker.io/library/nginx',
    'docker.io/library/nginx:1.27',
    `docker.io/library/nginx:1.27@${digest}`,
    `nginx@${digest}`,
    `library/nginx@${digest}`,
    `docker.io/@${digest}`,
    `docker.io//nginx@${digest}`,
    `docker.io/Nginx@${digest}`,
    `docker.io/a..b@${digest}`,
    `docker.io/a___b@${digest}`,
    `-docker.io/nginx@${digest}`,
    `.docker.io/nginx@${digest}`,
    `registry:1:2/nginx@${digest}`,
    `registry:/nginx@${digest}`,
    `https://docker.io/nginx@${digest}`,
    `docker-pullable://docker.io/nginx@${digest}`,
    `docker.io/nginx@${digest}0`,
    `docker.io/nginx@${digest.slice(0, -1)}`,
    `docker.io/nginx@${digest.toUpperCase()}`,
    `docker.io/nginx@sha512:${'0'.repeat(128)}`,
    digest,
    ` ${image}`,
    `${image} `,
    `${image}\n`,
    ' ',
    `docker.io/{{x}}@${digest}`,
    `docker.io/ä@${digest}`,
    `a.b/${'c'.repeat(437)}@${digest}`,
  ])('cannot be %j: SPIRE compares it letter by letter', (containerImage) => {
    expect(parseWorkload({ ...withoutContainer, containerImage })).toEqual(
      refusal(
        'InvalidContainerImage',
        `containerImage "${containerImage}" is not a fully qualified digest reference: expected registry/repository@sha256:<64 hex digits>`,
      ),
    );
  });

  test('is told soon, however long the text is that is none', () => {
    const containerImage = `${'a-'.repeat(500_000)}/${'b.'.repeat(500_000)}@${digest}`;
    expect(parseWorkload({ ...withoutContainer, containerImage })).toMatchObject({
      reason: 'InvalidContainerImage',
    });
  });
});
