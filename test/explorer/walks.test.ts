import { describe, expect, test } from 'vitest';
import { looks } from './model-cluster.ts';
import { toRandomScenario } from './random-scenario.ts';
import { isForeseen, scenarios } from './scenarios.ts';
import { walk } from './walk.ts';

describe.each(looks)('three runs at once hold on a random walk (look: %s)', (look) => {
  test.each(Object.entries(scenarios))('%s', async (_name, scenario) => {
    const { breach, story } = await walk(scenario, 1, look);
    const isFine = breach === undefined || isForeseen(scenario, look, breach);
    expect(isFine, `${breach}\n${story.join('\n')}`).toBe(true);
  });
});

test('any six edits to three bindings hold, on random walks', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const look = looks[seed % looks.length] ?? 'narrow';
    const { breach, story } = await walk(toRandomScenario(seed), seed, look);
    expect(breach, `seed ${seed}, ${look}\n${story.join('\n')}`).toBeUndefined();
  }
});
