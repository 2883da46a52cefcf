/** How a server comes to the others that share its database. */
import { setTimeout as delay } from 'node:timers/promises'
import { ConfigError } from './config/config-error.ts'
import { InstanceLocked } from './store/instance-lock.ts'
import type { ServerTable } from './store/schema.ts'
import type { ServerStore } from './store/server-store.ts'
import { BEAT_INTERVAL_MS } from './worker/server-watch.ts'

/** So often a server that lives has shown it by then, even one that is held up. */
const PATIENCE_MS = 3 * BEAT_INTERVAL_MS
const POLL_MS = 200

/** Of archives whose storage was away when the server started. */
export const UNKNOWN_PLACE = 'unknown'

/**
 * Takes back what former processes of this server had, and adds it to the list. Servers that keep archives in different places would each
 * give up what the others have packed: that is refused.
 * @throws ConfigError
 */
export async function joinServers(
  servers: Pick<ServerStore, 'others' | 'succeed' | 'beat'>,
  self: Omit<ServerTable, 'beat'>
): Promise<void> {
  await servers.succeed(self)
  const strangers = (await servers.others(self.id)).filter(
    ({ archives }) => ![archives, self.archives].includes(UNKNOWN_PLACE) && archives !== self.archives
  )
  if (strangers.length > 0 && (await isAnyAlive(servers, self.id, strangers))) {
    throw new ConfigError(
      'Other servers use the database of FIXDEPOT_DATABASE_URL, and have their archives in another place. Set FIXDEPOT_ARCHIVES_URL to ' +
        'the same bucket and prefix, or the same shared directory, for all of them; to move the archives, stop the other servers first.'
    )
  }
  await servers.beat(self)
}

/** One that was killed is still in the list for a while. */
async function isAnyAlive(
  servers: Pick<ServerStore, 'others'>,
  id: string,
  strangers: readonly ServerTable[]
): Promise<boolean> {
  const known = new Map(strangers.map((server) => [server.id, server.beat]))
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await delay(POLL_MS)) {
    const now = await servers.others(id)
    if (now.some((server) => known.has(server.id) && known.get(server.id) !== server.beat)) return true
    if (!now.some((server) => known.has(server.id))) return false
  }
  return false
}

/** No server starts meanwhile where the caller has the lock of starts. @throws InstanceLocked */
export async function refuseIfServersRun(servers: Pick<ServerStore, 'others'>): Promise<void> {
  const all = await servers.others('')
  if (all.length === 0 || !(await isAnyAlive(servers, '', all))) return
  throw new InstanceLocked('A fixdepot uses the database of FIXDEPOT_DATABASE_URL. Stop all servers first.')
}
