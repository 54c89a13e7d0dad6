/** As many reads as a run has on their way at once: whoever can make them many shall not keep the API server from others. */
export const readsAtOnce = 16;

/** Beyond this many objects one list is cheaper than each by its name. */
export const maxReadsByName = 24;
