/**
 * Repeated requests, such as refused logins and the parts of one download: the first is recorded at once, and equal
 * ones are counted. A flood of them takes little space in the audit trail.
 */
import type { AuditEvent } from '../../core/accounts/audit.ts'

export interface RepeatsOptions {
  readonly record: (event: AuditEvent) => Promise<void>
  readonly now: () => number
  /** Maximum number of different keys; events beyond it are counted together. */
  readonly limit: number
  /** Milliseconds without a repetition after which a key is forgotten. */
  readonly forgetMs: number
}

export interface Repeats {
  /**
   * Records the event, or counts it when an equal one was recorded recently. Resolves when the first one is recorded.
   */
  take(key: string, event: AuditEvent): Promise<void>
  /** Records the counts that are due. */
  sweep(): Promise<void>
  /** Records all counts. */
  close(): Promise<void>
}

interface Repeated {
  /** Resolves when the first event is recorded; repetitions wait for it too. */
  readonly first: Promise<void>
  since: number
  windowMs: number
  count: number
  last: AuditEvent
}

export const MINUTE_MS = 60_000

/** Continuous repetitions are recorded at least once an hour. */
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
      const event = isOneOfTooMany ? variousEvent(givenEvent) : givenEvent
      const known = repeated.get(key)
      if (known !== undefined) {
        known.count += 1
        known.last = event
        return known.first
      }
      const first = record(event)
      repeated.set(key, { first, since: now(), windowMs: MINUTE_MS, count: 0, last: event })
      // Without a record of the first event, later ones are not repetitions.
      first.catch(() => repeated.delete(key))
      return first
    },

    sweep: () => summarise(({ since, windowMs }) => now() - since >= windowMs),
    close: () => summarise(() => true)
  }
}

/** The event that stands for all keys beyond the limit. */
function variousEvent(event: AuditEvent): AuditEvent {
  return { ...event, user: '', address: 'various', requestId: '', action: 'various', targets: [] }
}
