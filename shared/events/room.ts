/** Room in memory for the bodies of requests. */
export interface Room {
  /**
   * Waits until so many bytes find room, first come, first served, and takes it; who needs none waits for nobody.
   * `gone`: who asked went away before that.
   */
  enter(bytes: number, signal: AbortSignal): Promise<Place | 'gone'>;
}

/** The room that one body has. */
export interface Place {
  /** Gives back all but so many bytes. */
  shrink(bytes: number): void;
}

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
}

/** Room for so many bytes at once. A small body does not pass a large one: that would never find room under load. */
export function createRoom(capacity: number): Room {
  let free = capacity;
  const waiters = new Set<Waiter>();

  function admitNext(): void {
    for (const waiter of waiters) {
      if (waiter.bytes > free) return;
      waiters.delete(waiter);
      free -= waiter.bytes;
      waiter.admit();
    }
  }

  function toPlace(taken: number): Place {
    let mine = taken;
    return {
      shrink: (bytes) => {
        const kept = Math.min(bytes, mine);
        free += mine - kept;
        mine = kept;
        admitNext();
      },
    };
  }

  return {
    enter: async (wanted, signal) => {
      // More than there is at all would wait for ever.
      const bytes = Math.min(wanted, capacity);
      if (signal.aborted) return 'gone';
      if (bytes === 0) return toPlace(0);
      const turn = Promise.withResolvers<Place | 'gone'>();
      const waiter = { bytes, admit: () => turn.resolve(toPlace(bytes)) };
      const giveUp = () => {
        // Whoever was admitted already gives its room free itself.
        if (!waiters.delete(waiter)) return;
        turn.resolve('gone');
        admitNext();
      };
      signal.addEventListener('abort', giveUp);
      waiters.add(waiter);
      admitNext();
      try {
        return await turn.promise;
      } finally {
        signal.removeEventListener('abort', giveUp);
      }
    },
  };
}
