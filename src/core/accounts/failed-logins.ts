/** Counts failed logins, and computes how long the next attempt has to wait. */
import type { LoginFailure, UserCommands } from './user.ts'

interface Rule {
  /** This many failures cost no wait; the next ones cost 1 s, 2 s, 4 s, and so on. */
  readonly free: number
  /** One failure expires after this time. Infinity: only together with all others. */
  readonly forgivenAfterMs: number
}

export const OF_USER: Rule = { free: 5, forgivenAfterMs: Number.POSITIVE_INFINITY }

/** Many users may share an address: the failures of one program with an old password in an hour expire in minutes. */
export const OF_ADDRESS: Rule = { free: 20, forgivenAfterMs: 60_000 }

const MAX_WAIT_MS = 15 * 60_000

/** The wait that pending attempts cause: they fail or succeed in a moment. */
const PENDING_WAIT_MS = 1_000

/** After this time without another failure, a count expires. */
export const FAILURES_KEPT_MS = 24 * 3_600_000

/** Above this number the oldest counts are removed. */
export const MAX_FAILURES_KEPT = 10_000

/** What failures are counted for: a user at a network, or a network. */
export interface Counter {
  readonly key: string
  readonly rule: Rule
}

interface Count {
  /** Not a whole number once one failure has expired in part. */
  failures: number
  failedAt: number
  /** The database has this count: its value there is the right one, because other servers write it too. */
  isKept: boolean
  /** Attempts in progress. None is admitted for which there would be a wait if all of them failed. */
  pending: number
}

export interface FailedLogins {
  /** Milliseconds until the next attempt is admitted. */
  waitMs(counter: Counter): number
  hasFailed(counter: Counter): boolean
  /** Counts a pending attempt. */
  begin(counter: Counter): void
  /** Ends a pending attempt. */
  end(counter: Counter): void
  /** Counts a failure, and writes it. Never rejects: the answer to a login does not depend on the write. */
  fail(counters: readonly Counter[]): Promise<void>
  /** Removes the failures, here and in the database. Never rejects. */
  forget(counter: Counter): Promise<void>
  /** Replaces a count by the one in the database, unless this server has failures that it could not write yet. */
  update(key: string, written: LoginFailure | undefined): void
}

export interface FailedLoginsOptions {
  /** The failures that the database has. */
  readonly failures: readonly LoginFailure[]
  readonly commands: Pick<UserCommands, 'recordFailures'>
  readonly now: () => Date
}

// A plain map in the order of the last failure, and no LRU cache: counts with pending attempts are never evicted.
export function createFailedLogins({ failures, commands, now }: FailedLoginsOptions): FailedLogins {
  const counts = new Map<string, Count>()
  for (const { key, failures: number, failedAt } of failures) {
    counts.set(key, { failures: number, failedAt: failedAt.getTime(), isKept: true, pending: 0 })
  }

  /** The count of now, without what has expired. */
  function countOf({ key, rule }: Counter): Count {
    const time = now().getTime()
    const count = counts.get(key) ?? { failures: 0, failedAt: time, isKept: true, pending: 0 }
    // A clock that was set back must not extend the wait by the difference.
    count.failedAt = Math.min(count.failedAt, time)
    const passed = time - count.failedAt
    const left = passed >= FAILURES_KEPT_MS ? 0 : count.failures - passed / rule.forgivenAfterMs
    return { ...count, failures: Math.max(0, left) }
  }

  function change(counter: Counter, by: (count: Count) => Partial<Count>): Count {
    const before = countOf(counter)
    const count = { ...before, ...by(before) }
    counts.delete(counter.key)
    if (count.failures > 0 || count.pending > 0) counts.set(counter.key, count)
    return count
  }

  function evictOldest(): void {
    for (const [key, { pending }] of counts) {
      if (counts.size <= MAX_FAILURES_KEPT) return
      if (pending === 0) counts.delete(key)
    }
  }

  async function record(failures: LoginFailure[], forget: string[]): Promise<void> {
    const expiredBefore = new Date(now().getTime() - FAILURES_KEPT_MS)
    try {
      await commands.recordFailures({ failures, forget, expiredBefore })
    } catch {
      return
    }
    for (const { key, failures: written } of failures) {
      const count = counts.get(key)
      // Another attempt may have failed in the meantime.
      if (count?.failures === written) count.isKept = true
    }
  }

  const minusOne = ({ pending }: Count) => ({ pending: Math.max(0, pending - 1) })

  return {
    waitMs(counter) {
      const { failures, failedAt, pending } = countOf(counter)
      const surplus = Math.ceil(failures) + pending - counter.rule.free
      if (surplus < 0) return 0
      if (pending > 0) return PENDING_WAIT_MS
      return Math.max(0, failedAt + Math.min(1_000 * 2 ** surplus, MAX_WAIT_MS) - now().getTime())
    },

    hasFailed: (counter) => countOf(counter).failures > 0,

    begin: (counter) => void change(counter, ({ pending }) => ({ pending: pending + 1 })),

    end: (counter) => void change(counter, minusOne),

    async fail(counters) {
      const failedAt = now()
      const changed = counters.map((counter) => {
        const { failures } = change(counter, (count) => ({
          ...minusOne(count),
          failures: count.failures + 1,
          failedAt: failedAt.getTime(),
          isKept: false
        }))
        return { key: counter.key, failures, failedAt }
      })
      evictOldest()
      await record(changed, [])
    },

    async forget(counter) {
      change(counter, () => ({ failures: 0 }))
      await record([], [counter.key])
    },

    update(key, written) {
      const count = counts.get(key)
      if (count?.isKept === false && count.failures >= (written?.failures ?? 0)) return
      const { pending = 0 } = count ?? {}
      counts.delete(key)
      if (written === undefined && pending === 0) return
      const failedAt = written?.failedAt.getTime() ?? now().getTime()
      counts.set(key, { failures: written?.failures ?? 0, failedAt, isKept: true, pending })
    }
  }
}
