import { parseArgs } from 'node:util';
import { type Found, explore } from './explore.ts';
import { type Look, looks } from './model-cluster.ts';
import { toRandomScenario } from './random-scenario.ts';
import { type Scenario, findUnforeseen, isForeseen, scenarios, usualFaults } from './scenarios.ts';
import { walk } from './walk.ts';

const help = `node test/explorer/main.ts [options] [scenario ...]     searches all scenarios, or those that are named
  --look HOW    narrow: by keys, as in crowded accounts; whole: at whole accounts; small: at a namespace of
                  few bindings; refuse: overlaps are refused; refuse-large: they are, in crowded accounts (narrow)
  --runs N      runs in all (2)              --at-once N   of them at the same time (2)
  --states N    bound of each search (200000)
  --coarse      reads that are issued together are one step
  --loose       reads in any order, events delivered together
  --shuffled    where a search is cut off, take situations from everywhere
  --faults JSON what may go wrong (${JSON.stringify(usualFaults)})
  --walks N     N random walks a scenario instead of a search, with three runs at once of six
  --random N    N scenarios made at random, two walks each
  --seed N      the first seed (1)`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    look: { type: 'string', default: 'narrow' },
    runs: { type: 'string', default: '2' },
    'at-once': { type: 'string', default: '2' },
    states: { type: 'string', default: '200000' },
    coarse: { type: 'boolean', default: false },
    loose: { type: 'boolean', default: false },
    shuffled: { type: 'boolean', default: false },
    faults: { type: 'string' },
    walks: { type: 'string' },
    random: { type: 'string' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});

const look = toLook(options.look);

function toLook(text: string): Look {
  const known = looks.find((one) => one === text);
  if (!known) throw new Error(`--look is one of ${looks.join(', ')}, not ${text}`);
  return known;
}

async function search(scenario: Scenario): Promise<Found> {
  return explore(scenario, {
    look,
    runs: Number(options.runs),
    atOnce: Number(options['at-once']),
    maxStates: Number(options.states),
    isCoarse: options.coarse,
    isLoose: options.loose,
    isShuffled: options.shuffled,
    ...(options.faults !== undefined && {
      faults: JSON.parse(options.faults) as NonNullable<Scenario['faults']>,
    }),
  });
}

/** A line for a scenario, and the stories of what must not be. */
async function report(name: string, scenario: Scenario): Promise<boolean> {
  const since = performance.now();
  const { facts, breaches } =
    options.walks === undefined ? await toSearched(scenario) : await toWalked(scenario);
  const unforeseen = findUnforeseen(scenario, look, breaches);
  const foreseen = [...breaches.keys()].filter((breach) => isForeseen(scenario, look, breach));
  const verdict = unforeseen.length > 0 ? 'WRONG' : 'holds';
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  say(
    `${name.padEnd(40)} ${verdict}  ${facts}  ${seconds} s  ${foreseen.length > 0 ? `as documented: ${foreseen.join(', ')}` : ''}`,
  );
  for (const [breach, story] of unforeseen) say(`  ${breach}\n    ${story.join('\n    ')}`);
  return unforeseen.length === 0;
}

async function toSearched(scenario: Scenario) {
  const { states, isComplete, ends, forSweep, sweeps, breaches } = await search(scenario);
  const facts = [
    `states ${states}${isComplete ? '' : ' (cut)'}`,
    `ends ${ends}`,
    `sweeps at most ${sweeps}`,
    `ends that need a sweep ${forSweep}`,
  ];
  return { facts: facts.join('  '), breaches };
}

async function toWalked(scenario: Scenario) {
  const breaches = new Map<string, readonly string[]>();
  const [first, count] = [Number(options.seed), Number(options.walks)];
  let steps = 0;
  for (let seed = first; seed < first + count; seed++) {
    const { breach, story } = await walk(scenario, seed, look);
    steps += story.length;
    const known = breach === undefined ? undefined : breaches.get(breach);
    if (breach !== undefined && (!known || known.length > story.length))
      breaches.set(breach, [`seed ${seed}`, ...story]);
  }
  return { facts: `walks ${count}  steps ${steps}`, breaches };
}

/** Scenarios that nobody has thought of. */
async function reportRandom(count: number): Promise<void> {
  let steps = 0;
  for (let seed = Number(options.seed); seed < Number(options.seed) + count; seed++) {
    for (const way of [2 * seed, 2 * seed + 1]) {
      const { breach, story } = await walk(toRandomScenario(seed), way, look);
      steps += story.length;
      if (breach === undefined) continue;
      process.exitCode = 1;
      say(`scenario ${seed}, walk ${way}: ${breach}\n    ${story.join('\n    ')}`);
    }
  }
  say(`${count} random scenarios  walks ${2 * count}  steps ${steps}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

if (options.help) {
  say(help);
} else if (options.random !== undefined) {
  await reportRandom(Number(options.random));
} else {
  const unknown = positionals.filter((name) => !scenarios[name]);
  if (unknown.length > 0)
    throw new Error(`no scenario is called ${unknown.join(', ')}: ${Object.keys(scenarios).join(', ')}`);
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    if (!(await report(name, scenario))) process.exitCode = 1;
  }
}
