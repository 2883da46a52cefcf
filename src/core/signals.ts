/**
 * What one part of the depot tells the others, on this server and on those that share its database. A word may be lost, and may come for
 * nothing: whoever heeds it looks for itself, and now and then without any.
 */

/**
 * `export`, `catalog`: such work waits. `check`: what runs may not be wanted any more. `exports`: one of them has gone on. `users`: a user
 * or a token has changed.
 */
export const SIGNALS = ['export', 'catalog', 'check', 'exports', 'users'] as const
export type Signal = (typeof SIGNALS)[number]

export interface Signals {
  tell(signal: Signal): void
  /** @returns what ends it */
  on(signal: Signal, listener: () => void): () => void
  close(): Promise<void>
}

/** Within this process. */
export function createLocalSignals(): Signals {
  const listeners = new Map<Signal, Set<() => void>>()
  return {
    tell(signal) {
      for (const listener of listeners.get(signal) ?? []) listener()
    },
    on(signal, listener) {
      const all = listeners.get(signal) ?? new Set()
      listeners.set(signal, all.add(listener))
      return () => void all.delete(listener)
    },
    close: async () => {}
  }
}
