/** Runs commands one after the other: the thread has one connection, and transactions on it must not mix. */

export interface CommandQueue {
  /** An error ends the thread: it is a bug. */
  add(run: () => Promise<unknown>): void
  /** Runs it in the queue, for a caller that needs the outcome and handles the error. */
  outcomeOf<T>(run: () => Promise<T>): Promise<T>
}

export function createCommandQueue(): CommandQueue {
  let last: Promise<unknown> = Promise.resolve()
  return {
    add(run) {
      last = last.then(run)
    },
    outcomeOf(run) {
      const outcome = last.then(run)
      last = outcome.catch(() => {})
      return outcome
    }
  }
}
