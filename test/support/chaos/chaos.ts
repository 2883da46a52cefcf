/** Random choices that a seed repeats, and the number of rounds of chaos tests. */
import type { Test } from 'tap'

/** A few in every test run; hundreds with `CHAOS_ROUNDS=500 npm run chaos`. */
export const ROUNDS = Number(process.env.CHAOS_ROUNDS ?? 5)

/** Whether tests that take minutes run. */
export const IS_THOROUGH = ROUNDS >= 100

export interface Chance {
  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number
  pick<T>(items: readonly T[]): T
  /** Some of the items, at least one. */
  some<T>(items: readonly T[]): T[]
}

/** The time limit of a test file, in seconds: `timeout` in package.json, which a limit in the file replaces. */
const USUAL_SECONDS = 600

/** Extends the time limit of a test file by the time of all rounds on a slow machine. @param seconds of one round */
export function allowTime(t: Test, seconds: number): void {
  t.setTimeout(1000 * (USUAL_SECONDS + ROUNDS * seconds))
}

/** Prints its seed; CHAOS_SEED repeats it. */
export function startChance(t: Test): Chance {
  const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 2 ** 31)
  t.comment(`CHAOS_SEED=${seed} CHAOS_ROUNDS=${ROUNDS}`)
  return chanceOf(seed)
}

/** The generator Mulberry32: small, and random enough to choose moments. */
export function chanceOf(seed: number): Chance {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    below,
    pick: (items) => items[below(items.length)] as (typeof items)[number],
    some(items) {
      const chosen = items.filter(() => next() < 0.5)
      return chosen.length > 0 ? chosen : [this.pick(items)]
    }
  }
}
