import type { Random } from '../random.ts'

const DAY = 24 * 60 * 60
const WEEK = 7 * DAY

/** Releases are on Tuesdays, from the first of these dates to the last one. */
const FIRST_TUESDAY = Date.UTC(2017, 0, 3) / 1000
const LAST_TUESDAY = Date.UTC(2026, 5, 30) / 1000
const MIN_WEEKS_APART = 5
const MAX_WEEKS_APART = 26

/** Release times of consecutive versions, oldest first, in whole seconds since 1970 UTC. */
export function drawReleaseTimes(random: Random, count: number): number[] {
  const gaps = Array.from({ length: count - 1 }, () => random.integer(MIN_WEEKS_APART, MAX_WEEKS_APART) * WEEK)
  const span = gaps.reduce((sum, gap) => sum + gap, 0)
  const weeks = Math.floor((LAST_TUESDAY - FIRST_TUESDAY - span) / WEEK)
  const times = [FIRST_TUESDAY + random.integer(0, weeks) * WEEK]
  for (const gap of gaps) times.push((times.at(-1) ?? 0) + gap)
  return times.map((day) => day + random.integer(6 * 60 * 60, 20 * 60 * 60))
}

/** `2024-03-01` */
export function formatDate(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10)
}

/** `2024-03-01T16.22.44Z`: real JSON metadata has dots in the time, so that it can be part of a file name. */
export function formatDottedTime(seconds: number): string {
  return new Date(seconds * 1000)
    .toISOString()
    .replace(/\.\d{3}Z$/, 'Z')
    .replaceAll(':', '.')
}
