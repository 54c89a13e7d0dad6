import { expect, test } from 'vitest';
import { explore } from './explore.ts';
import { findUnforeseen, scenarios } from './scenarios.ts';

test.each(Object.entries(scenarios))(
  'one run holds with deaths, late writes and a lost event: %s',
  async (_name, scenario) => {
    const bounds = { look: 'narrow', runs: 1, atOnce: 1, maxStates: 250 } as const;
    const { breaches } = await explore(scenario, bounds);
    expect(findUnforeseen(scenario, bounds.look, breaches)).toEqual([]);
  },
);
