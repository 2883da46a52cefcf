/** How figures grow with the size of their input. */

/** The measurements at one size. */
export interface Step {
  /** Bytes, entries or tasks. */
  readonly size: number
  readonly seconds: number
  readonly rssBytes: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Number of failed exports; if there are any, the seconds do not cover all the work. */
  readonly failed: number
  /** Duration of `cp -r && sync` for the same files. */
  readonly copySeconds?: number
}

export interface Series {
  readonly name: string
  /** What the size is in, such as `GB`, and how many of it are one of that. */
  readonly unit: string
  readonly perUnit: number
  readonly steps: readonly Step[]
}

/** The power of the size that a value grows with, over the last factor of ten: 1 is linear, 0 is flat. */
export function exponentOf({ steps }: Series, value: (step: Step) => number): number {
  const last = steps.at(-1)
  const earlier = steps.findLast(({ size }) => size <= (last?.size ?? 0) / 10) ?? steps[0]
  if (last === undefined || earlier === undefined || earlier === last) return Number.NaN
  return Math.log(value(last) / value(earlier)) / Math.log(last.size / earlier.size)
}

/** The largest value of all steps, divided by the one of the smallest size. */
export function riseOf({ steps }: Series, value: (step: Step) => number): number {
  const [first] = steps
  return first === undefined ? Number.NaN : Math.max(...steps.map(value)) / value(first)
}
