import { describe, expect, test } from 'vitest';
import { ablations } from './ablations.ts';
import { explore } from './explore.ts';
import { toRandomScenario } from './random-scenario.ts';
import { scenarios } from './scenarios.ts';
import { walk } from './walk.ts';

const seeds = [1, 2];

describe.each(Object.entries(scenarios))('%s', (_name, scenario) => {
  const allowed = scenario.breaks ?? [];

  test.each([
    ['one run', { runs: 1, atOnce: 1, maxStates: 250 }],
    ['two runs at once', { runs: 2, atOnce: 2, maxStates: 500, isCoarse: true, isShuffled: true }],
  ])('holds with %s, deaths, late writes and a lost event', async (_runs, bounds) => {
    const { breaches } = await explore(scenario, bounds);
    const unforeseen = [...breaches].filter(
      ([breach]) => !breach.startsWith('(') && !allowed.includes(breach),
    );
    expect(unforeseen).toEqual([]);
  });

  test('holds on random walks with three runs at once', async () => {
    const walks = await Promise.all(seeds.map(async (seed) => ({ seed, ...(await walk(scenario, seed)) })));
    const unforeseen = walks.filter(({ breach }) => breach !== undefined && !allowed.includes(breach));
    expect(unforeseen).toEqual([]);
  });
});

test('any six edits to three bindings hold, on random walks', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { breach, story } = await walk(toRandomScenario(seed), seed);
    expect(breach, `seed ${seed}\n${story.join('\n')}`).toBeUndefined();
  }
});

test('a search finds what a safeguard prevents, and tells a short story of it', async () => {
  const scenario = scenarios["the operator's output without account"];
  if (!scenario) throw new Error('the scenario is gone');
  const bounds = { runs: 1, atOnce: 1, maxStates: 2_000, isForShortest: true };
  expect((await explore(scenario, bounds)).breaches.size).toBe(0);
  const { breaches } = await explore(scenario, { ...bounds, tampering: ablations.narrowSkipsUnlabelled });
  const [[breach, story] = []] = [...breaches];
  expect(breach).toContain('TWO_LIVE');
  expect(story).toContain('USER {"does":"create","name":"b","wish":{"container":"c2"}}');
});
