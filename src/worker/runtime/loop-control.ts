/** The sleeps and retries of a job loop: a wake ends a sleep early, and a stop ends the retries. */

export interface LoopControl {
  /** Aborted when the loop stops. */
  readonly stopping: AbortSignal
  /** A wake that comes before the sleep ends it at once: no wake is lost while a job runs. */
  sleep(milliseconds: number): Promise<void>
  /** Retries `action` until the database is available again; undefined when the loop stops before that. */
  retry<T>(action: () => Promise<T>): Promise<T | undefined>
  wake(): void
  stop(): void
}

/** Between two attempts while the database is unavailable. */
export const RETRY_INTERVAL_MS = 500

export function createLoopControl(isTransient: (error: unknown) => boolean): LoopControl {
  const stop = new AbortController()
  let alarm = Promise.withResolvers<void>()

  async function sleep(milliseconds: number): Promise<void> {
    const timer = setTimeout(() => alarm.resolve(), milliseconds)
    await alarm.promise
    clearTimeout(timer)
    alarm = Promise.withResolvers()
  }

  return {
    stopping: stop.signal,
    sleep,
    async retry(action) {
      for (;;) {
        try {
          return await action()
        } catch (error) {
          if (!isTransient(error)) throw error
        }
        if (stop.signal.aborted) return undefined
        await sleep(RETRY_INTERVAL_MS)
      }
    },
    wake: () => alarm.resolve(),
    stop() {
      stop.abort()
      alarm.resolve()
    }
  }
}
