/** A cron schedule: when it fires next after a moment, in UTC as Knative's PingSource adapter counts. */
export interface CronSchedule {
  readonly next: (after: Date) => Date;
}

interface Field {
  readonly name: string;
  readonly first: number;
  readonly last: number;
}

interface Fields {
  readonly second: ReadonlySet<number>;
  readonly minute: ReadonlySet<number>;
  readonly hour: ReadonlySet<number>;
  readonly dayOfMonth: ReadonlySet<number>;
  readonly month: ReadonlySet<number>;
  readonly dayOfWeek: ReadonlySet<number>;
  /** Both day fields are restricted: cron then fires when either of them fits. */
  readonly eitherDay: boolean;
}

const SECOND: Field = { name: 'second', first: 0, last: 59 };
const MINUTE: Field = { name: 'minute', first: 0, last: 59 };
const HOUR: Field = { name: 'hour', first: 0, last: 23 };
const DAY_OF_MONTH: Field = { name: 'day of month', first: 1, last: 31 };
const MONTH: Field = { name: 'month', first: 1, last: 12 };
const DAY_OF_WEEK: Field = { name: 'day of week', first: 0, last: 6 };

/** Parses five cron fields, or six with leading seconds: `*`, numbers, lists, ranges and steps; throws on anything else. */
export function parseCronSchedule(text: string): CronSchedule {
  const parts = text.trim().split(/\s+/);
  const [second, minute, hour, dayOfMonth, month, dayOfWeek, ...rest] =
    parts.length === 5 ? ['0', ...parts] : parts;
  if (!second || !minute || !hour || !dayOfMonth || !month || !dayOfWeek || rest.length > 0) {
    throw new Error(
      `schedule ${JSON.stringify(text)}: found ${parts.length} fields, expected 5, or 6 with leading seconds`,
    );
  }
  const fields: Fields = {
    second: parseField(second, SECOND, text),
    minute: parseField(minute, MINUTE, text),
    hour: parseField(hour, HOUR, text),
    dayOfMonth: parseField(dayOfMonth, DAY_OF_MONTH, text),
    month: parseField(month, MONTH, text),
    dayOfWeek: parseField(dayOfWeek, DAY_OF_WEEK, text),
    eitherDay: !isStar(dayOfMonth) && !isStar(dayOfWeek),
  };
  nextTime(fields, new Date(0), text); // throws where there is no such day
  return { next: (after) => nextTime(fields, after, text) };
}

// The adapter's cron library counts `*/2` as a restriction.
function isStar(field: string): boolean {
  return field.split(',').some((item) => item === '*' || item === '*/1');
}

function parseField(text: string, field: Field, schedule: string): ReadonlySet<number> {
  const values = new Set<number>();
  for (const item of text.split(',')) {
    const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(item);
    if (!match)
      throw invalid(schedule, field, item, 'expected *, a number, a range a-b, each also with /step');
    const [, from, to, step] = match;
    const start = Number(from ?? field.first);
    const end = Number(to ?? (from === undefined || step !== undefined ? field.last : from));
    const by = Number(step ?? 1);
    if (start < field.first || end > field.last || start > end || by < 1) {
      throw invalid(
        schedule,
        field,
        item,
        `expected ${field.first} to ${field.last}, in order, and a step of at least 1`,
      );
    }
    for (let value = start; value <= end; value += by) values.add(value);
  }
  return values;
}

function invalid(schedule: string, field: Field, item: string, expected: string): Error {
  return new Error(
    `schedule ${JSON.stringify(schedule)}: ${field.name} is ${JSON.stringify(item)}, ${expected}`,
  );
}

// 29 February fits at most every eight years; what has not fired by then never will.
const YEARS_TO_SEARCH = 9;

function nextTime(fields: Fields, after: Date, schedule: string): Date {
  const time = new Date(Math.floor(after.getTime() / 1000) * 1000 + 1000);
  const lastYear = time.getUTCFullYear() + YEARS_TO_SEARCH;
  while (time.getUTCFullYear() <= lastYear) {
    if (!fields.month.has(time.getUTCMonth() + 1)) {
      time.setUTCMonth(time.getUTCMonth() + 1, 1);
      time.setUTCHours(0, 0, 0);
    } else if (!isDay(fields, time)) {
      time.setUTCDate(time.getUTCDate() + 1);
      time.setUTCHours(0, 0, 0);
    } else if (!fields.hour.has(time.getUTCHours())) {
      time.setUTCHours(time.getUTCHours() + 1, 0, 0);
    } else if (!fields.minute.has(time.getUTCMinutes())) {
      time.setUTCMinutes(time.getUTCMinutes() + 1, 0);
    } else if (!fields.second.has(time.getUTCSeconds())) {
      time.setUTCSeconds(time.getUTCSeconds() + 1);
    } else {
      return time;
    }
  }
  throw new Error(`schedule ${JSON.stringify(schedule)} never fires; its day does not exist in its months`);
}

function isDay(fields: Fields, time: Date): boolean {
  const dayOfMonth = fields.dayOfMonth.has(time.getUTCDate());
  const dayOfWeek = fields.dayOfWeek.has(time.getUTCDay());
  return fields.eitherDay ? dayOfMonth || dayOfWeek : dayOfMonth && dayOfWeek;
}
