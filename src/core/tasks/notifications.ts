/**
 * Notifications between the parts of the depot, on this server and on its peers, which share the database. A
 * notification may be lost, and may come without a change: subscribers read the state themselves, and also poll.
 */

/**
 * `export`, `catalog`: such a job waits. `check`: a running job may have been canceled. `exports`: an export has made
 * progress. `users`: a user or a token has changed.
 */
export const SIGNALS = ['export', 'catalog', 'check', 'exports', 'users'] as const
export type Notification = (typeof SIGNALS)[number]

export interface Notifications {
  notify(signal: Notification): void
  /** @returns a function that ends the subscription */
  subscribe(signal: Notification, listener: () => void): () => void
  close(): Promise<void>
}

/** Within this process. */
export function createLocalNotifications(): Notifications {
  const listeners = new Map<Notification, Set<() => void>>()
  return {
    notify(signal) {
      for (const listener of listeners.get(signal) ?? []) listener()
    },
    subscribe(signal, listener) {
      const all = listeners.get(signal) ?? new Set()
      listeners.set(signal, all.add(listener))
      return () => void all.delete(listener)
    },
    close: async () => {}
  }
}
