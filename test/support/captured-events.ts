import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const directory = fileURLToPath(new URL('../fixtures/events/', import.meta.url));

const CapturedRequest = z.object({
  rawHeaders: z.array(z.tuple([z.string(), z.string()])),
  body: z.string(),
});
export type CapturedRequest = z.infer<typeof CapturedRequest>;

const CapturedCase = z.object({ case: z.string(), did: z.string(), requests: z.array(CapturedRequest) });

/** The names of all situations in which requests of Knative's own sources were captured. */
export function listCapturedCases(): string[] {
  return readdirSync(directory)
    .map((file) => file.replace(/\.json$/, ''))
    .toSorted();
}

/** The requests that were captured in one situation, as they were on the wire. */
export function readCapturedRequests(name: string): CapturedRequest[] {
  return CapturedCase.parse(JSON.parse(readFileSync(`${directory}${name}.json`, 'utf8'))).requests;
}
