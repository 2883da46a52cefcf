/** The process is killed at random moments; every acknowledged export completes. */
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { ONLY_DISK } from '../../support/archives.ts'
import { allowTime, type Chance, ROUNDS, startChance } from '../../support/chaos/chaos.ts'
import { type ChaosDepot, FIXIDS, makeChaosDepot } from '../../support/chaos/chaos-depot.ts'
import { spawnServer, startServer, type TestServer } from '../../support/servers/server.ts'

/** After this time a server has begun every step of its start. */
const START_MS = 900
const RUN_MS = 250
const MAX_COPIED_AGAIN = 64 * 2 ** 20
const LARGEST_BYTES = 24 * 2 ** 20

allowTime(t, 10)

interface Acknowledged {
  readonly taskid: number
  readonly fixids: readonly string[]
}

t.test('kills at random moments lose no acknowledged export, and leave no partial archive', async (t) => {
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
  t.same(await depot.archives.unfinished(), [], 'no part of an archive remains')
  t.equal(server.stderr(), '')
  const most = Math.max(...copiedAgain)
  t.ok(most <= MAX_COPIED_AGAIN)
  const mean = copiedAgain.reduce((sum, bytes) => sum + bytes, 0) / ROUNDS
  t.comment(
    `${ROUNDS} kills, ${acknowledged.length} exports acknowledged, 0 lost, 0 partial; ` +
      `copied again per kill: ${Math.round(mean)} bytes on average, ${most} at most`
  )
})

/** Kills the server during its start, the migration, the first scan, or a resumed export. */
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
    // The kill came before the answer: the export was not acknowledged.
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

/** Bytes of the unfinished archive after its checkpoint. For uploads the number is unknown, and 0 is returned. */
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
