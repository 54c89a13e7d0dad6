import { defineConfig } from 'vitest/config';

// One after the other: they share one installation.
const common = { fileParallelism: false, testTimeout: 1_500_000, hookTimeout: 1_500_000, maxWorkers: 1 };

/** The parts of the behaviour suite that need nothing but what people see of a cluster. */
const outside = ['collisions', 'lifecycle', 'pools', 'reference-environment', 'references'];

type Parts = Readonly<Record<string, { readonly include: string[]; readonly env?: Record<string, string> }>>;

const parts = process.env['KLEYM_TEST_RELEASE'] === undefined ? installedParts() : releaseParts();

/** What is installed from the files of a release, and nothing else. */
function releaseParts(): Parts {
  return { release: { include: ['test/knative/release.test.ts'] } };
}

function installedParts(): Parts {
  return {
    delivery: { include: ['test/knative/delivery.test.ts'] },
    installation: { include: ['test/knative/installation.test.ts'] },
    behaviour: {
      include: outside.map((name) => `test/behaviour/${name}.test.ts`),
      env: { KLEYM_TEST_INSTALLED: 'true' },
    },
    healing: { include: ['test/knative/healing.test.ts'] },
    deaths: { include: ['test/knative/deaths.test.ts'] },
    durable: { include: ['test/knative/durable.test.ts'] },
    namespaces: { include: ['test/knative/namespaces.test.ts'] },
    adapters: { include: ['test/knative/adapters.test.ts'] },
    mistakes: { include: ['test/knative/mistakes.test.ts'] },
    ...(process.env['KLEYM_TEST_SVID'] !== undefined && {
      identity: { include: ['test/knative/identity.test.ts'] },
      why: { include: ['test/knative/why.test.ts'] },
    }),
    doctor: { include: ['test/knative/doctor.test.ts'] },
    senders: { include: ['test/knative/senders.test.ts'] },
    trace: { include: ['test/knative/trace.test.ts'] },
    console: { include: ['test/knative/console.test.ts'] },
    rest: { include: ['test/knative/rest.test.ts'] },
    removal: { include: ['test/knative/removal.test.ts'] },
  };
}

/** The tests that need a real Knative: kleym installed on it, used, broken and removed, in this order. */
export default defineConfig({
  test: {
    // They take long, so each says at once how it ended.
    reporters: ['verbose'],
    projects: Object.entries(parts).map(([name, part], index) => ({
      // Zero would be no order.
      test: { ...common, ...part, name, sequence: { groupOrder: 1 + index } },
    })),
  },
});
