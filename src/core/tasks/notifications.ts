/**
 * What one part of the depot tells the others, on this server and on those that share its database. A word may be lost,
 * and may come for nothing: whoever heeds it looks for itself, and now and then without any.
 */

/**
 * `export`, `catalog`: such work waits. `check`: what runs may not be wanted any more. `exports`: one of them has gone
 * on. `users`: a user or a token has changed.
 */
export const SIGNALS = ['export', 'catalog', 'check', 'exports', 'users'] as const
export type Notification = (typeof SIGNALS)[number]

export interface Notifications {
  notify(signal: Notification): void
  /** @returns what ends it */
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
