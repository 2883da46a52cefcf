/** Three servers on one PostgreSQL and one bucket: each of them dies at random moments, and what they stand on goes away for a while. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { startGate } from '../helpers/gate.ts'
import { ask, startPostgres, whyNoPostgres } from '../helpers/postgres.ts'
import { makeBucket, s3Of, withoutS3 } from '../helpers/s3-server.ts'
import { type ServerOptions, startServer, type TestServer, until } from '../helpers/server.ts'
import { allowTime, ROUNDS, startChance } from './chaos.ts'
import { FIXIDS, makeChaosPlace } from './chaos-place.ts'

const NAMES = ['one', 'two', 'three']
const EXPORTS_A_ROUND = 4
const RUN_MS = 1_500
const AWAY_MS = 2_000
const LARGEST_BYTES = 20 * 2 ** 20
const LIMITS = { FIXDEPOT_USER_EXPORTS: '5000', FIXDEPOT_USER_TASKS: '5000' }

const skip = whyNoPostgres() ?? withoutS3

allowTime(t, 60)

async function archiveOf(server: TestServer, taskid: number): Promise<string> {
  const { state, current, message } = await server.finished(taskid)
  if (state !== 'complete') return `${state}: ${message}`
  const response = await server.call(`/updateRepositories/firmware?key=export&exportRepoFilename=${current}`)
  const digest = createHash('sha256')
  for await (const chunk of response.body ?? []) digest.update(chunk)
  return digest.digest('hex')
}

t.test('what a cluster has acknowledged it does once and whole, whatever dies', { skip }, async (t) => {
  const chance = startChance(t)
  const place = await makeChaosPlace(t, LARGEST_BYTES)
  const postgres = await startPostgres()
  t.teardown(() => postgres.remove())
  await ask(postgres.url('postgres'), 'create database cluster')
  const bucket = await makeBucket(t)
  const gate = await startGate(t, bucket.server.endpoint)
  const optionsOf = (name: string, settings: ServerOptions['settings'] = {}): ServerOptions => {
    const dataDirectory = path.join(path.dirname(place.dataDirectory), name)
    fs.mkdirSync(dataDirectory, { recursive: true })
    return { repositoryDirectory: place.repositoryDirectory, dataDirectory, settings: { ...LIMITS, ...settings } }
  }
  const start = (name: string) =>
    startServer(t, {
      ...optionsOf(name, { ...bucket.settings, FIXDEPOT_S3_ENDPOINT: gate.url }),
      databaseUrl: postgres.url('cluster')
    })
  const servers = new Map<string, TestServer>()
  for (const name of NAMES) servers.set(name, await start(name))
  const any = () => servers.get(chance.pick(NAMES)) as TestServer
  const acknowledged: { readonly taskid: number; readonly fixids: readonly string[] }[] = []
  const faults = { kills: 0, databaseRestarts: 0, storageOutages: 0 }

  for (let round = 0; round < ROUNDS; round += 1) {
    const requests = Array.from({ length: EXPORTS_A_ROUND }, async () => {
      const fixids = chance.some(FIXIDS)
      // What was not answered was not promised.
      const taskid = await any()
        .export({ fixids })
        .catch(() => undefined)
      if (taskid !== undefined) acknowledged.push({ taskid, fixids })
    })
    await wait(chance.below(RUN_MS))
    const victim = chance.pick(NAMES)
    servers.get(victim)?.child.kill('SIGKILL')
    faults.kills += 1
    if (round % 5 === 3) {
      await postgres.kill()
      await postgres.start()
      faults.databaseRestarts += 1
    }
    if (round % 5 === 4) {
      gate.shut()
      await wait(chance.below(AWAY_MS))
      gate.open()
      faults.storageOutages += 1
    }
    await servers.get(victim)?.ended
    await Promise.all(requests)
    servers.set(victim, await start(victim))
  }

  const alone = await startServer(t, optionsOf('alone'))
  const expected = new Map<string, string>()
  let bad = 0
  for (const { taskid, fixids } of acknowledged) {
    const key = [...fixids].sort().join(' ')
    const digest = expected.get(key) ?? (await archiveOf(alone, await alone.export({ fixids })))
    expected.set(key, digest)
    const found = await archiveOf(any(), taskid)
    if (found !== digest) bad += 1
    if (found !== digest) t.comment(`task ${taskid} of ${key}: ${found}`)
  }
  t.equal(bad, 0, 'every archive is whole, and has the bytes of one of an embedded depot')
  t.equal(new Set(acknowledged.map(({ taskid }) => taskid)).size, acknowledged.length, 'no task was given twice')
  const s3 = await s3Of(t, bucket)
  await until('no upload is left', async () => {
    const { Uploads = [] } = await s3.listMultipartUploads({ Bucket: bucket.bucket })
    return Uploads.length === 0
  })
  t.comment(`${acknowledged.length} exports acknowledged, ${bad} lost or half; ${JSON.stringify(faults)}`)
})
