/** Numbers from 0 to `below`, the same for the same seed: a linear congruential generator is random enough for walks. */
export function createRandom(seed: number): (below: number) => number {
  let state = BigInt(seed) * 2n + 1n;
  return (below) => {
    state = (state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) % (1n << 64n);
    return Number((state >> 33n) % BigInt(below));
  };
}
