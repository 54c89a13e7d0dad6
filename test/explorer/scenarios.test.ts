import { describe, expect, test } from 'vitest';
import { ablations } from './ablations.ts';
import { explore } from './explore.ts';
import { looks } from './model-cluster.ts';
import { toRandomScenario } from './random-scenario.ts';
import { isForeseen, scenarios } from './scenarios.ts';
import { walk } from './walk.ts';

describe.each(Object.entries(scenarios))('%s', (_name, scenario) => {
  // Walks look at the world in the other ways too, and `npm run explore` searches in them.
  test.each([
    ['one run', { look: 'narrow', runs: 1, atOnce: 1, maxStates: 250 }],
    [
      'two runs at once',
      { look: 'narrow', runs: 2, atOnce: 2, maxStates: 500, isCoarse: true, isShuffled: true },
    ],
  ] as const)('holds with %s, deaths, late writes and a lost event', async (_runs, bounds) => {
    const { breaches } = await explore(scenario, bounds);
    const unforeseen = [...breaches].filter(([breach]) => !isForeseen(scenario, bounds.look, breach));
    expect(unforeseen).toEqual([]);
  });

  test.each(looks)('holds on a random walk with three runs at once (look: %s)', async (look) => {
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

test('a search finds what a safeguard prevents, and tells a short story of it', async () => {
  const scenario = scenarios["the operator's output without account"];
  if (!scenario) throw new Error('the scenario is gone');
  const bounds = { look: 'narrow', runs: 1, atOnce: 1, maxStates: 2_000, isForShortest: true } as const;
  expect((await explore(scenario, bounds)).breaches.size).toBe(0);
  const { breaches } = await explore(scenario, { ...bounds, tampering: ablations.unlabelledNotListed });
  const [[breach, story] = []] = [...breaches];
  expect(breach).toContain('TWO_LIVE');
  expect(story).toContain('USER {"does":"create","name":"b","wish":{"container":"c2"}}');
});
