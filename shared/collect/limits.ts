/** How many reads a run sends at once, so that one namespace does not keep the API server busy for all. */
export const readsAtOnce = 16;

/** For more objects than this, one list is cheaper than a GET of each. */
export const maxReadsByName = 24;
