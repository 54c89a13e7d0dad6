import { describe, expect, test } from 'vitest';
import { binding, objective, pool } from '../../test/support/manifests.ts';
import { type Settling, createSettling } from '../../test/support/settling.ts';

const sidecar = (name: string) => ({ spec: { containerName: `of-${name}` } });

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `binding-${String(index).padStart(2, '0')}`);
}

/** So many bindings that ask for the same workloads, and have been told. */
async function crowd(count: number): Promise<Settling> {
  const here = await createSettling();
  await here.create(pool(), objective(), ...namesOf(count).map((name) => binding(name)));
  await here.settle(namesOf(count));
  return here;
}

/** Who says that there are others than those that it names. */
async function crowded(here: Settling, names: readonly string[]): Promise<string[]> {
  const said = await Promise.all(names.map(async (name) => ({ name, status: await statusOf(here, name) })));
  return said
    .filter(({ status }) => status?.conditions?.[0]?.message.includes(', and others: '))
    .map(({ name }) => name);
}

async function statusOf({ cluster }: Settling, name: string) {
  const found = await cluster.getBinding('team-a', name);
  return typeof found === 'string' ? undefined : found.status;
}

describe('of a crowd that collides', () => {
  test('everybody names twenty, and says that there are others', async () => {
    const here = await crowd(25);
    expect(await crowded(here, namesOf(25))).toEqual(namesOf(25));
    expect((await statusOf(here, 'binding-24'))?.conflicts).toHaveLength(20);
  });

  test.each(['binding-00', 'binding-49'])(
    '%s leaves, and of the others only those are written that name it',
    async (name) => {
      const here = await crowd(50);
      await here.edit(binding(name), sidecar(name));
      await here.settle([name]);
      expect(await here.ready(name)).toBe('True Reconciled');
      expect(here.writes).toHaveLength(20 + 3);
    },
  );

  test('so many leave that the others can name each other', async () => {
    const here = await crowd(22);
    await here.edit(binding('binding-21'), sidecar('binding-21'));
    await here.settle(['binding-21']);
    expect(await crowded(here, namesOf(21))).toEqual([]);
  });

  test('the last recovers by the event of any other, though that one did not name it', async () => {
    const here = await crowd(25);
    for (const name of namesOf(24)) await here.remove(binding(name));
    await here.settle(['binding-00']);
    expect(await here.ready('binding-24')).toBe('True Reconciled');
  });
});
