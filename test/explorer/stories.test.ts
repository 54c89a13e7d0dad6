import { describe, expect, test } from 'vitest';
import { ablations } from './ablations.ts';
import type { Look } from './model-cluster.ts';
import { type Scenario, scenarios } from './scenarios.ts';
import { type Story, tell } from './story.ts';

function find(scenario: string): Scenario {
  const found = scenarios[scenario];
  if (!found) throw new Error(`there is no scenario "${scenario}"`);
  return found;
}

interface Told {
  /** How runs look at the world; by keys, where nothing is said. */
  readonly look?: Look;
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
    play: playPostOfLeaver,
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
  'a rival looks at an account that is left while a POST there is on its way': {
    scenario: 'leave the account and arrive',
    look: 'refuse',
    safeguard: 'accountsForgetClaims',
    breach: 'TWO_LIVE',
    play: playPostOfLeaver,
  },
  'a rival looks by its key while a POST of that key is on its way': {
    scenario: 'leave and arrive',
    safeguard: 'keysNotListed',
    breach: 'TWO_LIVE',
    play: playPostOfLeaver,
  },
  'a move is announced, so that its binding is listed under the new key, and the output has lost its labels':
    {
      scenario: 'labels taken off',
      safeguard: 'movesNotListed',
      breach: 'TWO_LIVE',
      play: playMoveOfDamagedOutput,
    },
  'a move is announced, and its output, which has lost its labels, is in no list': {
    scenario: 'labels taken off',
    safeguard: 'claimedNotRead',
    breach: 'TWO_LIVE',
    play: playMoveOfDamagedOutput,
  },
  'a move is announced, and the label of the output says a key that it does not have': {
    scenario: 'key label forged',
    safeguard: 'neighboursNotRead',
    breach: 'TWO_LIVE',
    play: playMoveOfDamagedOutput,
  },
  'a run has read a pool; another one writes from a later state of it': {
    scenario: 'pool edited in a move',
    safeguard: 'poolsReadOnce',
    breach: 'NEEDS_SWEEP',
    play: async ({ user, deliver, until, finish }) => {
      await user();
      await deliver('a');
      await until('t1', 'replaceStatus');
      await user();
      await deliver('a');
      await finish('t2');
      await finish('t1');
    },
  },
  "an operator's output, which says no key in a label, holds one": {
    scenario: "the operator's output without account",
    safeguard: 'unlabelledNotListed',
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

/** a's POST is on its way when a is edited away; b arrives where a was; the POST arrives. */
async function playPostOfLeaver({ user, deliver, until, take, finish }: Story): Promise<void> {
  await user();
  await deliver('a');
  await until('t1', 'createOutput');
  await user();
  await user();
  await deliver('b');
  await finish('t2');
  await take('t1');
}

/** Somebody damages a's output, a announces a move, and before it moves b asks for the key that it still has. */
async function playMoveOfDamagedOutput({ user, deliver, until, finish }: Story): Promise<void> {
  await user();
  await user();
  await deliver('a');
  await until('t1', 'replaceOutput');
  await user();
  await deliver('b');
  await finish('t2');
  await finish('t1');
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

describe.each(Object.entries(stories))(
  '%s',
  (_title, { scenario, look = 'narrow', safeguard, breach, play }) => {
    test('ends well', async () => {
      const story = await tell(find(scenario), look);
      await play(story);
      await story.rest();
      expect(story.breaches()).toEqual([]);
    });

    test(`would not without a safeguard (${safeguard})`, async () => {
      const story = await tell(find(scenario), look, ablations[safeguard]);
      await play(story);
      await story.rest();
      expect(story.breaches()).toContain(breach);
    });
  },
);

test('a move is announced between two lists of bindings, and its output has lost its labels', async () => {
  const { user, deliver, until, take, finish, rest, breaches } = await tell(
    find('labels taken off'),
    'narrow',
  );
  await user();
  await user();
  await deliver('a');
  await until('t1', 'replaceStatus');
  await user();
  await deliver('b');
  await until('t2', 'replaceStatus');
  await take('t2');
  // Of the lists of its look, each but the last.
  await take('t2');
  await take('t2');
  await take('t1');
  await finish('t2');
  await finish('t1');
  await rest();
  expect(breaches()).toEqual([]);
});

test('a run takes over a neighbour in a move whose new key it has not looked at', async () => {
  const { user, deliver, until, take, finish, rest, breaches } = await tell(
    find('a neighbour in a move'),
    'narrow',
  );
  await user();
  await deliver('a');
  await until('t1', 'replaceStatus');
  await user();
  await deliver('c');
  await until('t2', 'createOutput');
  await take('t1');
  await user();
  await deliver('b');
  await until('t3', 'replaceOutput').then(
    () => take('t3'),
    () => undefined, // it leaves a alone
  );
  await take('t2');
  for (const id of ['t1', 't2', 't3']) await finish(id);
  await rest();
  expect(breaches()).toEqual([]);
});

test('an account is left by a move, and the output there has lost its labels', async () => {
  const { user, deliver, until, finish, rest, breaches } = await tell(
    find('labels taken off, account edited'),
    'refuse',
  );
  await user();
  await user();
  await deliver('a');
  await until('t1', 'replaceOutput');
  await user();
  await deliver('b');
  await finish('t2');
  await finish('t1');
  await rest();
  expect(breaches()).toEqual([]);
});

test('labels are taken off before the run that created the output can say so: the nonce proves whose it is', async () => {
  const { user, deliver, until, take, finish, rest, breaches } = await tell(
    find('labels taken off, new'),
    'narrow',
  );
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
