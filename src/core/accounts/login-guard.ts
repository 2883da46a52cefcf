/**
 * Limits how fast passwords can be guessed. Failures are counted for each user at a network, and for each network over
 * all users. A user is never locked out as a whole: failures at one address do not concern logins from another one.
 * Clients that have logged in before are not affected: sessions, tokens and remembered logins do not pass here.
 */
import { createHash } from 'node:crypto'
import { Problem } from '../problems/problem.ts'
import { createFailedLogins, OF_ADDRESS, OF_USER } from './failed-logins.ts'
import { networkOf } from './network-of.ts'
import { createTrustedLogins } from './trusted-logins.ts'
import type { LoginFailure, UserCommands } from './user.ts'

export interface LoginGuard {
  /** Reads what other servers have counted. Call it before `admit`. */
  refresh(userName: string, address: string): Promise<void>
  /**
   * Admits one attempt. The caller ends it with one of its three methods.
   * @throws Problem LOGIN_TOO_OFTEN
   */
  admit(userName: string, address: string): LoginAttempt
}

export interface LoginAttempt {
  failed(): Promise<void>
  succeeded(): Promise<void>
  /** Ends an attempt whose password could not be checked. It does not count. */
  withdraw(): void
}

export interface LoginGuardOptions {
  /** Failures that the database has from former processes. */
  readonly failures: readonly LoginFailure[]
  readonly commands: Pick<UserCommands, 'recordFailures'>
  /** Reads the failures of these keys from the database; undefined where no other server writes them. */
  readonly findFailures?: ((keys: readonly string[]) => Promise<LoginFailure[]>) | undefined
  readonly now: () => Date
}

export function createLoginGuard({ failures, commands, findFailures, now }: LoginGuardOptions): LoginGuard {
  const failed = createFailedLogins({ failures, commands, now })
  const trusted = createTrustedLogins(now)

  return {
    async refresh(userName, address) {
      if (findFailures === undefined) return
      const network = networkOf(address)
      const keys = [keyOf(userName, network), keyOf(network)]
      const written = new Map((await findFailures(keys)).map((failure) => [failure.key, failure]))
      for (const key of keys) failed.update(key, written.get(key))
    },

    admit(userName, address) {
      const network = networkOf(address)
      const user = { key: keyOf(userName, network), rule: OF_USER }
      const counters = [user, { key: keyOf(network), rule: OF_ADDRESS }]
      const waitMs = Math.max(...(trusted.has(user.key) ? [user] : counters).map(failed.waitMs))
      if (waitMs > 0) throw tooOften(Math.ceil(waitMs / 1_000))
      counters.forEach(failed.begin)
      return {
        failed: () => failed.fail(counters),

        async succeeded() {
          trusted.add(user.key)
          const hasFailed = failed.hasFailed(user)
          counters.forEach(failed.end)
          if (hasFailed) await failed.forget(user)
        },

        withdraw: () => counters.forEach(failed.end)
      }
    }
  }
}

function tooOften(retryAfterSeconds: number): Problem {
  const wait = `${retryAfterSeconds} ${retryAfterSeconds === 1 ? 'second' : 'seconds'}`
  return new Problem('LOGIN_TOO_OFTEN', `Wait ${wait} before the next login.`, { retryAfterSeconds })
}

/** Hashed, because a caller may have typed a password in place of the user name. */
function keyOf(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}
