/**
 * Slows down whoever guesses passwords. Failures are counted for a user from one address, and for an address whatever
 * the users. A user is never locked out as a whole: others who guess, or a program with an old password somewhere,
 * concern nobody elsewhere. And who has logged in before goes on: sessions, tokens and remembered logins do not come
 * here.
 */
import { createHash } from 'node:crypto'
import { Problem } from '../problems/problem.ts'
import { networkOf } from './network-of.ts'
import type { LoginFailure, UserCommands } from './user.ts'

interface Rule {
  /** So many failures cost no waiting; the next ones cost 1 s, 2 s, 4 s, and so on. */
  readonly free: number
  /** One failure is forgiven after so long; Infinity: only with all others. */
  readonly forgivenAfterMs: number
}

const OF_USER: Rule = { free: 5, forgivenAfterMs: Number.POSITIVE_INFINITY }

/** Many people may share an address: what one program with an old password fails in an hour is forgiven in minutes. */
const OF_ADDRESS: Rule = { free: 20, forgivenAfterMs: 60_000 }

const MAX_WAIT_MS = 15 * 60_000

/** So long after the last failure nothing is known of it. */
export const FAILURES_KEPT_MS = 24 * 3_600_000

/** Those of the longest ago are forgotten first. */
export const MAX_FAILURES_KEPT = 10_000

/**
 * Who has logged in from where, not long ago: others who guess at the same address, behind the same proxy, do not hold
 * them up.
 */
const TRUSTED_MS = 24 * 3_600_000
const MAX_TRUSTED = 10_000

export interface LoginGuard {
  /** Hears of what other servers have counted; to be called before an attempt is admitted. */
  refresh(userName: string, address: string): Promise<void>
  /**
   * Admits one attempt, which has to be ended in one of the three ways.
   * @throws Problem LOGIN_TOO_OFTEN
   */
  admit(userName: string, address: string): LoginAttempt
}

export interface LoginAttempt {
  failed(): Promise<void>
  succeeded(): Promise<void>
  /** Nobody knows whether the password was right. */
  withdraw(): void
}

interface Count {
  /** Not a whole number once a part of one is forgiven. */
  failures: number
  failedAt: number
  /** Whether it is written down: then what is written counts, where other servers write too. */
  isKept: boolean
  /** Attempts under way: none is admitted for which there would be a wait if they all failed. */
  pending: number
}

interface Counter {
  readonly key: string
  readonly rule: Rule
}

export interface LoginGuardOptions {
  /** Those of former processes. */
  readonly failures: readonly LoginFailure[]
  readonly commands: Pick<UserCommands, 'recordFailures'>
  /** What is written of these keys now; undefined where no other server writes. */
  readonly findFailures?: ((keys: readonly string[]) => Promise<LoginFailure[]>) | undefined
  readonly now: () => Date
}

export function createLoginGuard({ failures, commands, findFailures, now }: LoginGuardOptions): LoginGuard {
  const counts = new Map<string, Count>()
  /** By user and address: when they last logged in. A restart forgets it. */
  const trusted = new Map<string, number>()
  for (const { key, failures: number, failedAt } of failures) {
    counts.set(key, { failures: number, failedAt: failedAt.getTime(), isKept: true, pending: 0 })
  }

  /** How it stands now; another count when the one that is there says nothing any more. */
  function countOf({ key, rule }: Counter): Count {
    const time = now().getTime()
    const count = counts.get(key) ?? { failures: 0, failedAt: time, isKept: true, pending: 0 }
    // A clock that was set back must not make anybody wait until it is where it was.
    count.failedAt = Math.min(count.failedAt, time)
    const passed = time - count.failedAt
    const left = passed >= FAILURES_KEPT_MS ? 0 : count.failures - passed / rule.forgivenAfterMs
    return { ...count, failures: Math.max(0, left) }
  }

  /** Milliseconds. */
  function waitAt(counted: Counter): number {
    const { failures, failedAt, pending } = countOf(counted)
    const surplus = Math.ceil(failures) + pending - counted.rule.free
    if (surplus < 0) return 0
    // What is under way fails or succeeds in a moment.
    if (pending > 0) return 1_000
    return Math.max(0, failedAt + Math.min(1_000 * 2 ** surplus, MAX_WAIT_MS) - now().getTime())
  }

  function change(counted: Counter, by: (count: Count) => Count): Count {
    const count = by(countOf(counted))
    counts.delete(counted.key)
    if (count.failures > 0 || count.pending > 0) counts.set(counted.key, count)
    return count
  }

  function forgetSurplus(): void {
    for (const [key, { pending }] of counts) {
      if (counts.size <= MAX_FAILURES_KEPT) return
      if (pending === 0) counts.delete(key)
    }
  }

  function isTrusted(key: string): boolean {
    const since = trusted.get(key)
    return since !== undefined && now().getTime() - since < TRUSTED_MS
  }

  function trust(key: string): void {
    trusted.delete(key)
    trusted.set(key, now().getTime())
    const [oldest] = trusted.keys()
    if (trusted.size > MAX_TRUSTED && oldest !== undefined) trusted.delete(oldest)
  }

  /** The answer to a login does not depend on whether this can be written. */
  async function record(failures: LoginFailure[], forget: string[]): Promise<void> {
    const expiredBefore = new Date(now().getTime() - FAILURES_KEPT_MS)
    try {
      await commands.recordFailures({ failures, forget, expiredBefore })
    } catch {
      return
    }
    for (const { key, failures: written } of failures) {
      const count = counts.get(key)
      // Another one may have failed meanwhile.
      if (count?.failures === written) count.isKept = true
    }
  }

  /** What this server could not write yet counts as well. */
  function take(key: string, written: LoginFailure | undefined): void {
    const count = counts.get(key)
    if (count?.isKept === false && count.failures >= (written?.failures ?? 0)) return
    const { pending = 0 } = count ?? {}
    counts.delete(key)
    if (written === undefined && pending === 0) return
    const failedAt = written?.failedAt.getTime() ?? now().getTime()
    counts.set(key, { failures: written?.failures ?? 0, failedAt, isKept: true, pending })
  }

  const end = (count: Count): Count => ({ ...count, pending: Math.max(0, count.pending - 1) })

  return {
    async refresh(userName, address) {
      if (findFailures === undefined) return
      const network = networkOf(address)
      const keys = [keyOf(userName, network), keyOf(network)]
      const written = new Map((await findFailures(keys)).map((failure) => [failure.key, failure]))
      for (const key of keys) take(key, written.get(key))
    },

    admit(userName, address) {
      const network = networkOf(address)
      const user = { key: keyOf(userName, network), rule: OF_USER }
      const counters = [user, { key: keyOf(network), rule: OF_ADDRESS }]
      const waitMs = Math.max(...(isTrusted(user.key) ? [user] : counters).map(waitAt))
      if (waitMs > 0) {
        const retryAfterSeconds = Math.ceil(waitMs / 1_000)
        throw new Problem(
          'LOGIN_TOO_OFTEN',
          `The next login may come in ${retryAfterSeconds} ${retryAfterSeconds === 1 ? 'second' : 'seconds'}.`,
          {
            retryAfterSeconds
          }
        )
      }
      for (const counted of counters) change(counted, (count) => ({ ...count, pending: count.pending + 1 }))
      return {
        async failed() {
          const failedAt = now()
          const changed = counters.map((counted) => {
            const { failures } = change(counted, (count) => ({
              ...end(count),
              failures: count.failures + 1,
              failedAt: failedAt.getTime(),
              isKept: false
            }))
            return { key: counted.key, failures, failedAt }
          })
          forgetSurplus()
          await record(changed, [])
        },

        async succeeded() {
          trust(user.key)
          const hasFailed = countOf(user).failures > 0
          for (const counted of counters) change(counted, end)
          if (!hasFailed) return
          change(user, (count) => ({ ...count, failures: 0 }))
          await record([], [user.key])
        },

        withdraw() {
          for (const counted of counters) change(counted, end)
        }
      }
    }
  }
}

/** What somebody has taken for a user name may be a password: it is not kept as it was typed. */
function keyOf(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}
