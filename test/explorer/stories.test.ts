import { describe, expect, test } from 'vitest';
import { ablations } from './ablations.ts';
import { scenarios } from './scenarios.ts';
import { type Story, tell } from './story.ts';

interface Told {
  readonly scenario: string;
  /** The safeguard that the story is about, and what happens without it. */
  readonly safeguard: keyof typeof ablations;
  readonly breach: string;
  readonly play: (story: Story) => Promise<void>;
}

const stories: Readonly<Record<string, Told>> = {
  'a move is on its way and given up; a rival takes its key; the move arrives': {
    scenario: 'flap, and a rival settles',
    safeguard: 'noFence',
    breach: 'TWO_LIVE',
    play: playMoveGivenUp,
  },
  'a move is given up and fenced; its run finds the output in a new state': {
    scenario: 'flap, and a rival settles',
    safeguard: 'putReadRv',
    breach: 'TWO_LIVE',
    play: playMoveGivenUp,
  },
  'a move that nobody can know of': {
    scenario: 'flap, and a rival settles',
    safeguard: 'putUnannounced',
    breach: 'TWO_LIVE',
    play: playMoveBesideRival,
  },
  'a rival looks while a move is announced': {
    scenario: 'flap, and a rival settles',
    safeguard: 'movesNotHeld',
    breach: 'TWO_LIVE',
    play: playMoveBesideRival,
  },
  "an operator's output is to be moved to where a rival still lives": {
    scenario: "the operator's output into a leaver",
    safeguard: 'adoptNoCheck',
    breach: 'TWO_LIVE',
    play: async ({ user, deliver, finish }) => {
      await user();
      await deliver('a');
      await finish('t1');
    },
  },
  'a rival announces while a POST of its key is on its way': {
    scenario: 'leave and arrive',
    safeguard: 'noLook',
    breach: 'TWO_LIVE',
    play: async ({ user, deliver, until, take, finish }) => {
      await user();
      await deliver('a');
      await until('t1', 'createOutput');
      await user();
      await user();
      await deliver('b');
      await finish('t2');
      await take('t1');
    },
  },
  'two pools cross between what two runs read and what they announce': {
    scenario: 'pools cross',
    safeguard: 'blind',
    breach: 'TWO_LIVE',
    play: async ({ user, deliver, until, take, finish }) => {
      await user();
      await user();
      await deliver('a');
      await until('t1', 'replaceStatus');
      await user();
      await user();
      await deliver('b');
      await until('t2', 'replaceStatus');
      await take('t1');
      await take('t2');
      await finish('t1');
      await finish('t2');
    },
  },
  'a binding is deleted while its POST is on its way': {
    scenario: 'create, delete',
    safeguard: 'noQuarantine',
    breach: 'ORPHAN',
    play: async ({ user, deliver, until, crash, finish, land }) => {
      await user();
      await deliver('a');
      await until('t1', 'createOutput');
      await crash('t1');
      await user();
      await deliver('a');
      await finish('t2');
      await land();
    },
  },
  'a binding is deleted whose claim was dated by a wrong clock; its POST is on its way': {
    scenario: 'the clock was ahead',
    safeguard: 'noQuarantine',
    breach: 'ORPHAN',
    play: async ({ user, deliver, until, crash, finish, land }) => {
      await user();
      await deliver('a');
      await until('t1', 'createOutput');
      await crash('t1');
      await user();
      await user();
      await deliver('a');
      await finish('t2');
      await land();
    },
  },
  'a POST arrives twice, and its output is gone in between': {
    scenario: 'create, delete',
    safeguard: 'manyPosts',
    breach: 'ORPHAN',
    play: async ({ user, deliver, until, finish, land }) => {
      await user();
      await deliver('a');
      await until('t1', 'createOutput');
      await deliver('a');
      await finish('t2');
      await finish('t1');
      await user();
      await deliver('a');
      await finish('t3');
      await land();
    },
  },
  'somebody takes the name of an output that is about to be deleted': {
    scenario: 'name taken in a delete',
    safeguard: 'delByName',
    breach: 'FOREIGN_TOUCHED',
    play: async ({ user, deliver, until, take }) => {
      await user();
      await deliver('a');
      await until('t1', 'deleteOutput');
      await user();
      await user();
      await take('t1');
    },
  },
  'the binding of an orphan is created again and takes its output over': {
    scenario: "the operator's orphan",
    safeguard: 'delNoRv',
    breach: 'FALSE_ORPHAN',
    play: async ({ user, deliver, until, take, finish }) => {
      await deliver('a');
      await until('t1', 'deleteOutput');
      await user();
      await deliver('a');
      await finish('t2');
      await take('t1');
    },
  },
  'a pool turns unsafe while its output lives': {
    scenario: 'the pool turns unsafe',
    safeguard: 'reportFirst',
    breach: 'REPORTED_BUT_LIVE',
    play: async ({ user, deliver, finish }) => {
      await user();
      await deliver('a');
      await finish('t1');
      await user();
      await deliver('a');
      await finish('t2');
    },
  },
  'two bindings swap their keys': {
    scenario: 'swap',
    safeguard: 'noYield',
    breach: 'NO_CONVERGENCE',
    play: async ({ user, deliver, finish }) => {
      await user();
      await user();
      await deliver('a');
      await deliver('b');
      await finish('t1');
      await finish('t2');
    },
  },
  'an output is created and confirmed between two lists': {
    scenario: 'the pool turns unsafe',
    safeguard: 'rev',
    breach: 'REPORTED_BUT_LIVE',
    play: async ({ user, deliver, until, take, finish }) => {
      await user();
      await deliver('a');
      await until('t1', 'createOutput');
      await user();
      await deliver('a');
      await take('t2');
      await finish('t1');
      await finish('t2');
    },
  },
  'a binding and its output appear between two lists': {
    scenario: 'created beside a look',
    safeguard: 'unlistedIsGone',
    breach: 'FALSE_ORPHAN',
    play: async ({ user, deliver, until, finish }) => {
      await user();
      await deliver('a', 'in a crowd');
      await until('t1', 'listOutputs');
      await user();
      await deliver('b');
      await finish('t2');
      await finish('t1');
    },
  },
  'a move to another account is announced and taken back; a rival lives in that account': {
    scenario: 'account flaps',
    safeguard: 'narrowForgetsClaim',
    breach: 'TWO_LIVE',
    play: playMoveBesideRival,
  },
  "an operator's output, which says no account, holds a key": {
    scenario: "the operator's output without account",
    safeguard: 'narrowSkipsUnlabelled',
    breach: 'TWO_LIVE',
    play: async ({ user, deliver, finish }) => {
      await user();
      await deliver('b');
      await finish('t1');
    },
  },
};

/** a moves, moves back before its PUT is sent, is looked after; b arrives where a was going to; the PUT arrives. */
async function playMoveGivenUp({ user, deliver, until, take, finish }: Story): Promise<void> {
  await user();
  await deliver('a');
  await until('t1', 'replaceOutput');
  await user();
  await deliver('a');
  await finish('t2');
  await user();
  await deliver('b');
  await finish('t3');
  await take('t1');
}

/** The same, and nobody looks after a. */
async function playMoveBesideRival({ user, deliver, until, take, finish }: Story): Promise<void> {
  await user();
  await deliver('a');
  await until('t1', 'replaceOutput');
  await user();
  await user();
  await deliver('b');
  await finish('t2');
  await take('t1');
}

describe.each(Object.entries(stories))('%s', (_title, { scenario, safeguard, breach, play }) => {
  const start = scenarios[scenario];

  test('ends well', async () => {
    if (!start) throw new Error(`there is no scenario "${scenario}"`);
    const story = await tell(start);
    await play(story);
    await story.rest();
    expect(story.breaches()).toEqual([]);
  });

  test(`would not without a safeguard (${safeguard})`, async () => {
    if (!start) throw new Error(`there is no scenario "${scenario}"`);
    const story = await tell(start, ablations[safeguard]);
    await play(story);
    await story.rest();
    expect(story.breaches()).toContain(breach);
  });
});

test('labels are taken off before the run that created the output can say so: the nonce proves whose it is', async () => {
  const start = scenarios['labels taken off, new'];
  if (!start) throw new Error('the scenario is gone');
  const { user, deliver, until, take, finish, rest, breaches } = await tell(start);
  await user();
  await deliver('a');
  await until('t1', 'createOutput');
  await take('t1');
  await user();
  await user();
  await finish('t1');
  await user();
  await deliver('b');
  await finish('t2');
  await rest();
  expect(breaches()).toEqual([]);
});
