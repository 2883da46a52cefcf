/** The process is killed at random moments; what was acknowledged ends as promised. */
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { ONLY_DISK } from '../../support/archives.ts'
import { allowTime, type Chance, ROUNDS, startChance } from '../../support/chaos/chaos.ts'
import { type ChaosDepot, FIXIDS, makeChaosDepot } from '../../support/chaos/chaos-depot.ts'
import { spawnServer, startServer, type TestServer } from '../../support/servers/server.ts'

/** By now a server has begun with everything that it does at its start. */
const START_MS = 900
const RUN_MS = 250
const MAX_COPIED_AGAIN = 64 * 2 ** 20
const LARGEST_BYTES = 24 * 2 ** 20

allowTime(t, 10)

interface Acknowledged {
  readonly taskid: number
  readonly fixids: readonly string[]
}

t.test('whatever moment a kill finds, no acknowledged export is lost, and none is half', async (t) => {
  const chance = startChance(t)
  const depot = await makeChaosDepot(t, LARGEST_BYTES)
  const acknowledged: Acknowledged[] = []
  const copiedAgain: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    if (chance.below(4) === 0) await killStart(t, depot, chance)
    else acknowledged.push(...(await killRun(t, depot, chance)))
    copiedAgain.push(await bytesToCopyAgain(depot))
    if (round % 10 === 9) await depot.checkAllWhole(t)
  }

  const server = await startServer(t, depot)
  for (const { taskid, fixids } of acknowledged) {
    const status = await server.finished(taskid)
    t.match(status, { state: 'complete', downloadedsize: status.totalsize, downloadednum: fixids.length })
    await depot.checkArchive(t, status.current, fixids)
  }
  t.same(await depot.archives.unfinished(), [], 'nothing unfinished is left')
  t.equal(server.stderr(), '')
  const most = Math.max(...copiedAgain)
  t.ok(most <= MAX_COPIED_AGAIN)
  const mean = copiedAgain.reduce((sum, bytes) => sum + bytes, 0) / ROUNDS
  t.comment(
    `${ROUNDS} kills, ${acknowledged.length} exports acknowledged, 0 lost, 0 half; ` +
      `copied again per kill: ${Math.round(mean)} bytes on average, ${most} at most`
  )
})

/** During the start, the migration, the first scan, or while an export goes on that was begun before. */
async function killStart(t: Test, depot: ChaosDepot, chance: Chance): Promise<void> {
  const server = spawnServer(t, depot)
  await wait(chance.below(START_MS))
  server.child.kill('SIGKILL')
  await server.ended
}

async function killRun(t: Test, depot: ChaosDepot, chance: Chance): Promise<Acknowledged[]> {
  const server = await startServer(t, depot)
  const acknowledged: Acknowledged[] = []
  const requests = Array.from({ length: 1 + chance.below(4) }, async () => {
    const fixids = chance.some(FIXIDS)
    const taskid = await server.export({ fixids }).catch(() => undefined)
    // The kill came before the answer: nothing was promised.
    if (taskid !== undefined) acknowledged.push({ taskid, fixids })
  })
  if (chance.below(3) === 0) requests.push(readAgain(server))
  if (chance.below(3) > 0) await Promise.race(requests)
  await wait(chance.below(RUN_MS))
  server.child.kill('SIGKILL')
  await server.ended
  await Promise.all(requests)
  return acknowledged
}

async function readAgain(server: TestServer): Promise<void> {
  await server.call('/updateRepositories/firmware?action=read', { method: 'PUT' }).catch(() => {})
}

/**
 * What was written of the archive that was being packed, and is not known to be on the disk; of uploads nobody sees how
 * much there is.
 */
async function bytesToCopyAgain(depot: ChaosDepot): Promise<number> {
  if (ONLY_DISK.skip) return 0
  const parts = await depot.archives.unfinished()
  const known = await depot.query<{ name: string; offset: number }>(
    `select archive_name as name, checkpoint_offset as "offset"
      from job join plan on plan.id = job.plan_id where job.state != 'ended'`
  )
  const sizes = parts.map((part) => {
    const offset = known.find(({ name }) => part.startsWith(name))?.offset ?? 0
    return fs.statSync(path.join(depot.archivesDirectory, part)).size - offset
  })
  return Math.max(0, ...sizes)
}
