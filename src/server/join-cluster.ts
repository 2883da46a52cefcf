/** How a server comes to the others that share its database. */
import { setTimeout as delay } from 'node:timers/promises'
import { ConfigError } from '../config/config-error.ts'
import type { ServerStore } from '../store/cluster/server-store.ts'
import { InstanceLocked } from '../store/engine/instance-lock.ts'
import type { ServerTable } from '../store/engine/schema.ts'
import { HEARTBEAT_INTERVAL_MS } from '../worker/cluster/heartbeat.ts'

/** So often a server that lives has shown it by then, even one that is held up. */
const PATIENCE_MS = 3 * HEARTBEAT_INTERVAL_MS
const POLL_MS = 200

/** Of archives whose storage was away when the server started. */
export const UNKNOWN_LOCATION = 'unknown'

/**
 * Takes back what former processes of this server had, and adds it to the list. Servers that keep archives in different
 * places would each give up what the others have packed: that is refused.
 * @throws ConfigError
 */
export async function joinCluster(
  servers: Pick<ServerStore, 'others' | 'takeOver' | 'heartbeat'>,
  self: Omit<ServerTable, 'heartbeat'>
): Promise<void> {
  await servers.takeOver(self)
  const foreign = (await servers.others(self.id)).filter(
    ({ archives }) => ![archives, self.archives].includes(UNKNOWN_LOCATION) && archives !== self.archives
  )
  if (foreign.length > 0 && (await isAnyAlive(servers, self.id, foreign))) {
    throw new ConfigError(
      'Other servers use the database of FIXDEPOT_DATABASE_URL, and have their archives in another place. Set FIXDEPOT_ARCHIVES_URL to ' +
        'the same bucket and prefix, or the same shared directory, for all of them; to move the archives, stop the other servers first.'
    )
  }
  await servers.heartbeat(self)
}

/** One that was killed is still in the list for a while. */
async function isAnyAlive(
  servers: Pick<ServerStore, 'others'>,
  id: string,
  foreign: readonly ServerTable[]
): Promise<boolean> {
  const known = new Map(foreign.map((server) => [server.id, server.heartbeat]))
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await delay(POLL_MS)) {
    const now = await servers.others(id)
    if (now.some((server) => known.has(server.id) && known.get(server.id) !== server.heartbeat)) return true
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
