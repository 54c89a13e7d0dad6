import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readManifests } from './support/kustomization.ts';

// What can be said of the image where no image can be built.

const root = join(import.meta.dirname, '..');

interface Instruction {
  readonly name: string;
  readonly text: string;
}

const [globals = [], ...stages] = readStages(readFileSync(join(root, 'Dockerfile'), 'utf8'));
const [build = [], run = []] = stages;

/** What stands before the first FROM, then one list a stage. */
function readStages(dockerfile: string): Instruction[][] {
  const lines = dockerfile
    .replaceAll(/^\s*#.*$/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n');
  return lines.reduce<Instruction[][]>(
    (found, line) => {
      const [, name, text = ''] = /^([A-Z]+)\s+(.+)$/.exec(line.trim()) ?? [];
      if (name === undefined) {
        if (line.trim() !== '') throw new Error(`not an instruction: ${line}`);
        return found;
      }
      if (name === 'FROM') found.push([]);
      found.at(-1)?.push({ name, text });
      return found;
    },
    [[]],
  );
}

function textsOf(instructions: readonly Instruction[], name: string): string[] {
  return instructions.filter((one) => one.name === name).map(({ text }) => text);
}

test('there are two stages, and both images can be pinned from outside', () => {
  expect(stages.map((stage) => textsOf(stage, 'FROM'))).toEqual([
    ['${BUILD_IMAGE} AS build'],
    ['${RUN_IMAGE}'],
  ]);
  expect(textsOf(globals, 'ARG').map((text) => text.split('=')[0])).toEqual(['BUILD_IMAGE', 'RUN_IMAGE']);
});

describe('the stage that runs', () => {
  test('executes nothing and copies the bundles alone', () => {
    expect(run.map(({ name }) => name)).toEqual(['FROM', 'WORKDIR', 'COPY', 'USER', 'ENV', 'ENTRYPOINT']);
    expect(textsOf(run, 'COPY')).toEqual(['--from=build /build/dist /app']);
  });

  test('runs node in /app as a numeric user other than root', () => {
    expect(textsOf(run, 'USER')).toEqual([expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/)]);
    expect(textsOf(run, 'WORKDIR')).toEqual(['/app']);
    expect(textsOf(run, 'ENTRYPOINT')).toEqual(['["node"]']);
  });

  test('contains the files that the Services name as arguments', () => {
    const services = readManifests('base').filter(
      ({ apiVersion, kind }) => apiVersion.startsWith('serving.') && kind === 'Service',
    );
    const args = services.map((service) => {
      const { template } = service['spec'] as { template: { spec: { containers: { args: string[] }[] } } };
      return template.spec.containers.flatMap((container) => container.args);
    });
    expect(args).toEqual(services.map(({ metadata }) => [`/app/${metadata.name}/main.mjs`]));
    expect(services.filter(({ metadata }) => !existsSync(join(root, 'functions', metadata.name)))).toEqual(
      [],
    );
    expect(services).toHaveLength(6);
  });
});

test('.dockerignore lets through what the building stage copies, and nothing else', () => {
  const copied = textsOf(build, 'COPY').flatMap((text) => text.split(' ').slice(0, -1));
  const [ignored, ...exceptions] = readFileSync(join(root, '.dockerignore'), 'utf8').trim().split('\n');
  expect(ignored).toBe('*');
  expect(exceptions.filter((line) => line.startsWith('!')).map((line) => line.slice(1))).toEqual(copied);
  expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  expect(textsOf(build, 'RUN').at(-1)).toBe('npm run --silent build:functions');
});
