/**
 * How long the claim of a POST holds its key: nothing can fence a name that is free, so only time ends it. The parts add up
 * from the moment when the clock is read that dates the claim.
 */
export const quarantineMs = 120_000;

/** Later than this a POST does not leave. The time is counted from before the clock is read. */
export const sendWithinMs = 20_000;

/** Then we wait for its answer so long, and hang up. No call to the API server may wait longer. */
export const answerWithinMs = 10_000;

/** The API server carries out what has reached it, or gives it up, within its --request-timeout, as it comes. */
export const serverTimeoutMs = 60_000;

/** What is left is for what the clocks of several API servers differ. */
export const clockSkewMs = quarantineMs - sendWithinMs - answerWithinMs - serverTimeoutMs;
