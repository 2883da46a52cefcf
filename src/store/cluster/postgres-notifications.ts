/**
 * Notifications between servers: NOTIFY, and one connection that listens. While that connection is lost, only the
 * notifications of peers are missed.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import {
  createLocalNotifications,
  type Notification,
  type Notifications,
  SIGNALS
} from '../../core/tasks/notifications.ts'

const CHANNEL = 'fixdepot'
const RETRY_MS = 1_000

/** Minimum interval between notifications of a kind: each one is a commit, and wakes every server. */
const INTERVAL_MS: Readonly<Record<Notification, number>> = {
  export: 20,
  catalog: 20,
  check: 20,
  users: 20,
  exports: 500
}

/** @param owner this server, whose own notifications do not pass through the database */
export function createPostgresNotifications(url: string, owner: string): Notifications {
  const local = createLocalNotifications()
  const end = new AbortController()
  let client: Client | undefined
  const recent = new Map<Notification, { isDue: boolean }>()

  async function listen(): Promise<void> {
    const { Client } = await import('pg')
    while (!end.signal.aborted) {
      const next = new Client({ connectionString: url, application_name: 'fixdepot notifications', keepAlive: true })
      const lost = new Promise<void>((resolve) => next.once('end', () => resolve()))
      next.on('error', () => {})
      next.on('notification', ({ payload = '' }) => {
        const [from, name] = payload.split(' ')
        if (from !== owner && SIGNALS.includes(name as Notification)) local.notify(name as Notification)
      })
      try {
        await next.connect()
        await next.query(`listen ${CHANNEL}`)
        client = next
        // Notifications that were sent before were missed here.
        for (const notification of SIGNALS) local.notify(notification)
        await lost
      } catch {
        next.end().catch(() => {})
      }
      client = undefined
      await delay(RETRY_MS, undefined, { signal: end.signal }).catch(() => {})
    }
  }

  function sendNotify(notification: Notification): void {
    client?.query('select pg_notify($1, $2)', [CHANNEL, `${owner} ${notification}`]).catch(() => {})
  }

  /** Sends at once, and combines the notifications within the interval after it into one. */
  function notifyPeers(notification: Notification): void {
    const last = recent.get(notification)
    if (last !== undefined) {
      last.isDue = true
      return
    }
    const started = { isDue: false }
    recent.set(notification, started)
    sendNotify(notification)
    setTimeout(() => {
      recent.delete(notification)
      if (started.isDue) notifyPeers(notification)
    }, INTERVAL_MS[notification]).unref()
  }

  const listening = listen()
  return {
    subscribe: local.subscribe,
    notify(notification) {
      local.notify(notification)
      notifyPeers(notification)
    },
    async close() {
      end.abort()
      await client?.end().catch(() => {})
      await listening
    }
  }
}
