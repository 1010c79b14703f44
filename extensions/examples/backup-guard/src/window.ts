/** Hours of every day, in UTC. It may go over midnight. */
export interface DailyWindow {
  readonly fromHour: number;
  readonly toHour: number;
}

/** `fromHour` is inside, `toHour` is not; the same hour twice is the whole day. */
export function isInside({ fromHour, toHour }: DailyWindow, at: Date): boolean {
  const hour = at.getUTCHours();
  if (fromHour < toHour) return fromHour <= hour && hour < toHour;
  return fromHour <= hour || hour < toHour;
}
