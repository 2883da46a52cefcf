/**
 * Hashes passwords one after the other: each hash takes a core and 46 MiB, so clients must not start many at once.
 */

import { Problem } from '../problems/problem.ts'
import { HASH_PARAMETERS, type HashParameters, hashPassword, type Verdict, verifyPassword } from './password.ts'

/** The last of this many waits for one or two seconds. */
const MAX_WAITING = 30

const RETRY_AFTER_SECONDS = 2

export interface PasswordHasher {
  /** @throws Problem LOGINS_BUSY */
  hash(password: string): Promise<string>
  /** The same work whether there is something to compare with or not. @throws Problem LOGINS_BUSY */
  verify(password: string, kept: string | undefined): Promise<Verdict>
}

export function createPasswordHasher(parameters: HashParameters = HASH_PARAMETERS): PasswordHasher {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0

  async function enqueue<T>(operation: () => Promise<T>): Promise<T> {
    if (waiting >= MAX_WAITING) {
      throw new Problem('LOGINS_BUSY', 'Too many passwords are being checked at the moment.', {
        retryAfterSeconds: RETRY_AFTER_SECONDS
      })
    }
    waiting += 1
    const result = last.then(operation)
    last = result.catch(() => {})
    return result.finally(() => {
      waiting -= 1
    })
  }

  return {
    hash: (password) => enqueue(() => hashPassword(password, parameters)),
    verify: (password, kept) => enqueue(() => verifyPassword(password, kept, parameters))
  }
}
