/**
 * Requests that are repeated, such as refused logins and the parts of one download: the first one is recorded at once,
 * and those that are equal to it are counted. So a flood of them takes no more room in the audit trail than a few.
 */
import type { AuditEvent } from '../../core/accounts/audit.ts'

export interface RepeatsOptions {
  readonly record: (event: AuditEvent) => Promise<void>
  readonly now: () => number
  /** How many different ones are kept apart at a time; what comes beyond is counted together. */
  readonly limit: number
  /** After so long without a repetition it is a first one again, and makes room for another one. */
  readonly forgetMs: number
}

export interface Repeats {
  /**
   * Records the event, unless an equal one was recorded lately: then it is counted, and this resolves with its record.
   */
  take(key: string, event: AuditEvent): Promise<void>
  /** Records the counts that are due. */
  sweep(): Promise<void>
  /** Records all counts. */
  close(): Promise<void>
}

interface Repeated {
  /** The record of the first one: who repeats it waits for it too. */
  readonly first: Promise<void>
  since: number
  windowMs: number
  count: number
  last: AuditEvent
}

export const MINUTE_MS = 60_000

/** Who goes on for hours has a record in an hour. */
const LONGEST_MS = 60 * MINUTE_MS

export const SWEEP_MS = 5_000

export function createRepeats({ record, now, limit, forgetMs }: RepeatsOptions): Repeats {
  const repeated = new Map<string, Repeated>()

  async function summarise(isDue: (one: Repeated) => boolean): Promise<void> {
    for (const [key, one] of repeated) {
      const { last, count } = one
      if (count === 0 && now() - one.since >= forgetMs) repeated.delete(key)
      if (count === 0 || !isDue(one)) continue
      one.since = now()
      one.windowMs = Math.min(2 * one.windowMs, LONGEST_MS)
      one.count = 0
      try {
        await record({ ...last, count })
      } catch (error) {
        one.count += count
        throw error
      }
    }
  }

  return {
    take(givenKey, givenEvent) {
      const isOneOfTooMany = !repeated.has(givenKey) && repeated.size >= limit
      const key = isOneOfTooMany ? '' : givenKey
      const event = isOneOfTooMany ? anybody(givenEvent) : givenEvent
      const known = repeated.get(key)
      if (known !== undefined) {
        known.count += 1
        known.last = event
        return known.first
      }
      const first = record(event)
      repeated.set(key, { first, since: now(), windowMs: MINUTE_MS, count: 0, last: event })
      // Nothing is there yet of which others could be repetitions.
      first.catch(() => repeated.delete(key))
      return first
    },

    sweep: () => summarise(({ since, windowMs }) => now() - since >= windowMs),
    close: () => summarise(() => true)
  }
}

/** Those beyond the limit have nothing in common but that there are too many of them. */
function anybody(event: AuditEvent): AuditEvent {
  return { ...event, user: '', address: 'various', requestId: '', action: 'various', targets: [] }
}
