/** Days and times as callers write them: ISO 8601 in UTC. */

/** A day, or a time of it to the minute, the second or the millisecond. */
export const UTC_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z)?$/

/** Undefined for another form, and for what no calendar or clock has. A day stands for its beginning. */
export function parseUtcTime(text: string): Date | undefined {
  const time = new Date(UTC_TIME.test(text) ? text : Number.NaN)
  // The 30th of February would be a day in March.
  return Number.isNaN(time.getTime()) || !time.toISOString().startsWith(text.slice(0, 10)) ? undefined : time
}
