import { expect, test } from 'vitest';
import { ablations } from './ablations.ts';
import type { Look } from './model-cluster.ts';
import { type Scenario, scenarios } from './scenarios.ts';
import { playStory } from './story.ts';

function find(scenario: string): Scenario {
  const found = scenarios[scenario];
  if (!found) throw new Error(`there is no scenario "${scenario}"`);
  return found;
}

interface Story {
  /** How runs look at the world; by keys, where nothing is said. */
  readonly look?: Look;
  readonly scenario: string;
  /** The safeguard that the story is about, and what happens without it. */
  readonly safeguard?: keyof typeof ablations;
  readonly breach?: string;
  /** The steps that `playStory` takes. */
  readonly play: string;
}

/** a moves, moves back before its PUT is sent, is looked after; b arrives where a was going to; the PUT arrives. */
const moveGivenUp = `
  user edits, deliver a, t1 until replaceOutput, user edits, deliver a, t2 finishes,
  user edits, deliver b, t3 finishes, t1 takes`;

/** a's POST is on its way when a is edited away; b arrives where a was; the POST arrives. */
const postOfLeaver = `
  user edits, deliver a, t1 until createOutput, user edits, user edits, deliver b,
  t2 finishes, t1 takes`;

/** Somebody damages a's output, a announces a move, and before it moves b asks for the key that it still has. */
const moveOfDamagedOutput = `
  user edits, user edits, deliver a, t1 until replaceOutput, user edits, deliver b,
  t2 finishes, t1 finishes`;

/** a moves, moves back before its PUT is sent, and nobody looks after a; b arrives where a was going to; the PUT arrives. */
const moveBesideRival = `
  user edits, deliver a, t1 until replaceOutput, user edits, user edits, deliver b,
  t2 finishes, t1 takes`;

const stories: Readonly<Record<string, Story>> = {
  'a move is on its way and given up; a rival takes its key; the move arrives': {
    scenario: 'flap, and a rival settles',
    safeguard: 'noFence',
    breach: 'TWO_LIVE',
    play: moveGivenUp,
  },
  'a move is given up and fenced; its run finds the output in a new state': {
    scenario: 'flap, and a rival settles',
    safeguard: 'putReadRv',
    breach: 'TWO_LIVE',
    play: moveGivenUp,
  },
  'a move that nobody can know of': {
    scenario: 'flap, and a rival settles',
    safeguard: 'putUnannounced',
    breach: 'TWO_LIVE',
    play: moveBesideRival,
  },
  'a rival looks while a move is announced': {
    scenario: 'flap, and a rival settles',
    safeguard: 'movesNotHeld',
    breach: 'TWO_LIVE',
    play: moveBesideRival,
  },
  'a rival looks while a move to other pod labels is announced': {
    scenario: 'pod labels flap, and a rival settles',
    safeguard: 'movesNotHeld',
    breach: 'TWO_LIVE',
    play: moveBesideRival,
  },
  'a move to other pod labels is on its way and given up; a rival takes them; the move arrives': {
    scenario: 'pod labels flap, and a rival settles',
    look: 'refuse',
    safeguard: 'noFence',
    breach: 'TWO_LIVE',
    play: moveGivenUp,
  },
  'two bindings share a container and differ by their pod labels': {
    scenario: 'pod labels swap',
    safeguard: 'podLabelsNotRead',
    breach: 'NO_CONVERGENCE',
    play: 'user edits, user edits, deliver a, deliver b, t1 finishes, t2 finishes',
  },
  "an operator's output is to be moved to where a rival still lives": {
    scenario: "the operator's output into a leaver",
    safeguard: 'adoptNoCheck',
    breach: 'TWO_LIVE',
    play: 'user edits, deliver a, t1 finishes',
  },
  'a rival announces while a POST of its key is on its way': {
    scenario: 'leave and arrive',
    safeguard: 'noLook',
    breach: 'TWO_LIVE',
    play: postOfLeaver,
  },
  'two pools cross between what two runs read and what they announce': {
    scenario: 'pools cross',
    safeguard: 'blind',
    breach: 'TWO_LIVE',
    play: `
      user edits, user edits, deliver a, t1 until replaceStatus, user edits, user edits,
      deliver b, t2 until replaceStatus, t1 takes, t2 takes, t1 finishes, t2 finishes`,
  },
  'a binding is deleted while its POST is on its way': {
    scenario: 'create, delete',
    safeguard: 'noQuarantine',
    breach: 'ORPHAN',
    play: `
      user edits, deliver a, t1 until createOutput, t1 dies, user edits, deliver a,
      t2 finishes, late writes land`,
  },
  'a binding is deleted whose claim was dated by a wrong clock; its POST is on its way': {
    scenario: 'the clock was ahead',
    safeguard: 'noQuarantine',
    breach: 'ORPHAN',
    play: `
      user edits, deliver a, t1 until createOutput, t1 dies, user edits, user edits, deliver a,
      t2 finishes, late writes land`,
  },
  'a POST arrives twice, and its output is gone in between': {
    scenario: 'create, delete',
    safeguard: 'manyPosts',
    breach: 'ORPHAN',
    play: `
      user edits, deliver a, t1 until createOutput, deliver a, t2 finishes, t1 finishes,
      user edits, deliver a, t3 finishes, late writes land`,
  },
  'somebody takes the name of an output that is about to be deleted': {
    scenario: 'name taken in a delete',
    safeguard: 'delByName',
    breach: 'FOREIGN_TOUCHED',
    play: 'user edits, deliver a, t1 until deleteOutput, user edits, user edits, t1 takes',
  },
  'the binding of an orphan is created again and takes its output over': {
    scenario: "the operator's orphan",
    safeguard: 'delNoRv',
    breach: 'FALSE_ORPHAN',
    play: 'deliver a, t1 until deleteOutput, user edits, deliver a, t2 finishes, t1 takes',
  },
  'a pool turns unsafe while its output lives': {
    scenario: 'the pool turns unsafe',
    safeguard: 'reportFirst',
    breach: 'REPORTED_BUT_LIVE',
    play: 'user edits, deliver a, t1 finishes, user edits, deliver a, t2 finishes',
  },
  'two bindings swap their keys': {
    scenario: 'swap',
    safeguard: 'noYield',
    breach: 'NO_CONVERGENCE',
    play: 'user edits, user edits, deliver a, deliver b, t1 finishes, t2 finishes',
  },
  'an output is created and confirmed between two lists': {
    scenario: 'the pool turns unsafe',
    safeguard: 'rev',
    breach: 'REPORTED_BUT_LIVE',
    play: `
      user edits, deliver a, t1 until createOutput, user edits, deliver a, t2 takes,
      t1 finishes, t2 finishes`,
  },
  'a binding and its output appear between two lists': {
    scenario: 'created beside a look',
    safeguard: 'unlistedIsGone',
    breach: 'FALSE_ORPHAN',
    play: `
      user edits, deliver a in a crowd, t1 until listOutputs, user edits, deliver b,
      t2 finishes, t1 finishes`,
  },
  'a rival looks at an account that is left while a POST there is on its way': {
    scenario: 'leave the account and arrive',
    look: 'refuse',
    safeguard: 'accountsForgetClaims',
    breach: 'TWO_LIVE',
    play: postOfLeaver,
  },
  'a rival looks by its key while a POST of that key is on its way': {
    scenario: 'leave and arrive',
    safeguard: 'keysNotListed',
    breach: 'TWO_LIVE',
    play: postOfLeaver,
  },
  'a rival that may overlap looks, in a large account, while a POST is on its way': {
    scenario: 'an image beside a container',
    look: 'refuse-large',
    safeguard: 'shapesNotListed',
    breach: 'TWO_LIVE',
    play: `
      user edits, deliver a, t1 until createOutput, user edits, deliver b, t2 finishes,
      t1 finishes`,
  },
  'a rival that may overlap looks, in a large account, where an output has no binding any more': {
    scenario: 'an image where an output is left behind',
    look: 'refuse-large',
    safeguard: 'shapesOfOutputsNotListed',
    breach: '(raced) TWO_LIVE',
    play: `
      user edits, user edits, deliver a, t1 finishes, user edits, user edits, deliver b,
      t2 finishes`,
  },
  'a move is announced, so that its binding is listed under the new key, and the output has lost its labels':
    {
      scenario: 'labels taken off',
      safeguard: 'movesNotListed',
      breach: 'TWO_LIVE',
      play: moveOfDamagedOutput,
    },
  'a move is announced, and its output, which has lost its labels, is in no list': {
    scenario: 'labels taken off',
    safeguard: 'claimedNotRead',
    breach: 'TWO_LIVE',
    play: moveOfDamagedOutput,
  },
  'a move is announced, and the label of the output says a key that it does not have': {
    scenario: 'key label forged',
    safeguard: 'neighboursNotRead',
    breach: 'TWO_LIVE',
    play: moveOfDamagedOutput,
  },
  'a run has read a pool; another one writes from a later state of it': {
    scenario: 'pool edited in a move',
    safeguard: 'poolsReadOnce',
    breach: 'NEEDS_SWEEP',
    play: `
      user edits, deliver a, t1 until replaceStatus, user edits, deliver a, t2 finishes,
      t1 finishes`,
  },
  "an operator's output, which says no key in a label, holds one": {
    scenario: "the operator's output without account",
    safeguard: 'unlabelledNotListed',
    breach: 'TWO_LIVE',
    play: 'user edits, deliver b, t1 finishes',
  },
  'an event of a pool is lost, and the sweep names its binding': {
    scenario: 'swept when the pool was edited',
    safeguard: 'poolsNotCompared',
    breach: 'NO_CONVERGENCE',
    play: 'user edits, lose a, lose b, the sweep looks, deliver a as swept, t1 finishes',
  },
  'a binding that the sweep has named is completed by another run, and its pool is edited again': {
    scenario: 'swept when the pool was edited',
    play: `
      user edits, the sweep looks, deliver a, t1 finishes, user edits, lose a,
      deliver a as swept, t2 takes replaceOutput`,
  },
  'a run for what the sweep has named dies before it tells the peer': {
    scenario: 'swept in a collision',
    play: `
      user edits, lose b, the sweep looks, deliver b as swept, t1 takes deleteOutput, t1 takes deleteOutput,
      t1 takes replaceStatus, t1 until replaceStatus, t1 dies, lose a, lose b, deliver b as swept,
      t2 finishes`,
  },
  'a move is announced between two lists of bindings, and its output has lost its labels': {
    scenario: 'labels taken off',
    // Of the lists of its look, t2 gets each but the last.
    play: `
      user edits, user edits, deliver a, t1 until replaceStatus, user edits, deliver b,
      t2 until replaceStatus, t2 takes, t2 takes, t2 takes, t1 takes, t2 finishes, t1 finishes`,
  },
  'a run takes over a neighbour in a move whose new key it has not looked at': {
    scenario: 'a neighbour in a move',
    // t3 leaves a alone; a run that does not would send its PUT now.
    play: `
      user edits, deliver a, t1 until replaceStatus, user edits, deliver c,
      t2 until createOutput, t1 takes, user edits, deliver b, t3 takes replaceOutput or ends,
      t2 takes, t1 finishes, t2 finishes, t3 finishes`,
  },
  'an account is left by a move, and the output there has lost its labels': {
    scenario: 'labels taken off, account edited',
    look: 'refuse',
    play: `
      user edits, user edits, deliver a, t1 until replaceOutput, user edits, deliver b,
      t2 finishes, t1 finishes`,
  },
  'labels are taken off before the run that created the output can say so: the nonce proves whose it is': {
    scenario: 'labels taken off, new',
    play: `
      user edits, deliver a, t1 until createOutput, t1 takes, user edits, user edits,
      t1 finishes, user edits, deliver b, t2 finishes`,
  },
};

test.each(Object.entries(stories))(
  'a story ends well: %s',
  async (_title, { scenario, look = 'narrow', play }) => {
    expect(await playStory(find(scenario), look, play)).toEqual([]);
  },
);

test.each(
  Object.entries(stories).flatMap(([title, { safeguard, breach, ...story }]) =>
    safeguard && breach ? [{ title, safeguard, breach, ...story }] : [],
  ),
)(
  'without $safeguard it ends in $breach: $title',
  async ({ scenario, look = 'narrow', play, safeguard, breach }) => {
    expect(await playStory(find(scenario), look, play, ablations[safeguard])).toContain(breach);
  },
);

test('every safeguard has a story that ends badly without it', () => {
  const told = Object.values(stories).map(({ safeguard }) => safeguard);
  expect(Object.keys(ablations).filter((name) => !told.some((one) => one === name))).toEqual([]);
});
