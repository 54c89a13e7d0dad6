/**
 * How long the claim of a POST holds its key. A free name cannot be fenced, so only time ends such a claim. The parts
 * below add up from the moment when the run reads the clock that dates the claim.
 */
export const quarantineMs = 120_000;

/** A POST leaves within this time, counted from before the clock is read. */
export const sendWithinMs = 20_000;

/** The client waits this long for the answer, and then closes the connection. This holds for every call. */
export const answerWithinMs = 10_000;

/** The API server carries out a request or gives it up within its --request-timeout, which is this by default. */
export const serverTimeoutMs = 60_000;

/** The clocks of several API servers may differ by this much. */
export const clockSkewMs = 30_000;
