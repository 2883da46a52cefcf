/** Durations (`30m`, `12h`, `7d`, `4w`) and times (ISO 8601 in UTC), as callers write them. */

export const DURATION = /^([1-9]\d{0,5})\s*([mhdw])$/

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** Milliseconds; 0 for a text that does not fit `DURATION`. */
export function parseDuration(text: string): number {
  const [, number = '0', unit = 'm'] = DURATION.exec(text) ?? []
  return Number(number) * (UNITS_MS[unit] ?? 0)
}

/** A day, or a time to the minute, the second or the millisecond. */
export const UTC_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z)?$/

/** A day stands for its first instant. Undefined for another form, and for a day or time that does not exist. */
export function parseUtcTime(text: string): Date | undefined {
  const time = new Date(UTC_TIME.test(text) ? text : Number.NaN)
  // JavaScript takes the 30th of February for a day in March.
  return Number.isNaN(time.getTime()) || !time.toISOString().startsWith(text.slice(0, 10)) ? undefined : time
}
