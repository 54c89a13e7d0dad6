import { Cron } from 'croner';

/** A cron schedule: when it fires next after a moment, in UTC as Knative's PingSource adapter counts. */
export interface CronSchedule {
  readonly next: (after: Date) => Date;
}

/** Parses five cron fields, or six with leading seconds; throws where it cannot, and where the schedule never fires. */
export function parseCronSchedule(text: string): CronSchedule {
  // Never a job: without a function to call it starts no timer.
  const cron = new Cron(text, { timezone: 'UTC', mode: '5-or-6-parts', sloppyRanges: true });
  const next = (after: Date): Date => {
    const time = cron.nextRun(after);
    if (time) return time;
    throw new Error(`schedule ${JSON.stringify(text)} does not fire after ${after.toISOString()}`);
  };
  next(new Date(0));
  return { next };
}
