import { Cron } from 'croner';

/** The next time of a schedule after a moment; `null`: there is none any more. @throws when it is no schedule */
export function nextTime(cron: string, timezone: string, after: Date): Date | null {
  return new Cron(cron, { timezone, mode: '5-part' }).nextRun(after);
}

/** What is wrong with a schedule, as the end of a sentence; `null` if nothing is. */
export function scheduleProblem(cron: string, timezone: string): string | null {
  if (!isTimeZone(timezone)) return `names the time zone ${timezone}, which is none`;
  try {
    if (nextTime(cron, timezone, new Date()) !== null) return null;
    return `has the times ${cron}, none of which comes`;
  } catch {
    return `has the times ${cron}, which are none (minute, hour, day, month, day of the week)`;
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
