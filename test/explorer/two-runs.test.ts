import { expect, test } from 'vitest';
import { ablations } from './ablations.ts';
import { explore } from './explore.ts';
import { findUnforeseen, scenarios } from './scenarios.ts';

// The files of the explorer are several so that they run at the same time. Walks look at the world in the other ways
// too, and `npm run explore` searches in them.

test.each(Object.entries(scenarios))(
  'two runs at once hold with deaths, late writes and a lost event: %s',
  async (_name, scenario) => {
    const bounds = {
      look: 'narrow',
      runs: 2,
      atOnce: 2,
      maxStates: 500,
      isCoarse: true,
      isShuffled: true,
    } as const;
    const { breaches } = await explore(scenario, bounds);
    expect(findUnforeseen(scenario, bounds.look, breaches)).toEqual([]);
  },
);

test('a search without a safeguard finds the breach and its shortest story', async () => {
  const scenario = scenarios["the operator's output without account"];
  if (!scenario) throw new Error('the scenario is gone');
  const bounds = { look: 'narrow', runs: 1, atOnce: 1, maxStates: 2_000, isForShortest: true } as const;
  expect((await explore(scenario, bounds)).breaches.size).toBe(0);
  const { breaches } = await explore(scenario, { ...bounds, tampering: ablations.unlabelledNotListed });
  const [[breach, story] = []] = [...breaches];
  expect(breach).toContain('TWO_LIVE');
  expect(story).toContain('USER {"does":"create","name":"b","wish":{"container":"c2"}}');
});
