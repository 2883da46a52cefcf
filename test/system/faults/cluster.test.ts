/**
 * Three servers on one PostgreSQL and one bucket. Servers die at random moments; the database and the storage restart,
 * or cannot be reached for a while.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { ListObjectVersionsCommandOutput, S3 } from '@aws-sdk/client-s3'
import t from 'tap'
import { canRunS3Server, startS3Server } from '../../../scripts/s3-server.ts'
import { MARKER_NAME } from '../../../src/storage/s3/ownership-marker.ts'
import { openDepotDatabase } from '../../../src/store/engine/database.ts'
import { allowTime, ROUNDS, startChance } from '../../support/chaos/chaos.ts'
import { FIXIDS, makeChaosDepot } from '../../support/chaos/chaos-depot.ts'
import { startGate } from '../../support/gate.ts'
import { ask, type PostgresServer, startPostgres, whyNoPostgres } from '../../support/servers/postgres.ts'
import { makeBucket, s3Of, type TestBucket } from '../../support/servers/s3-server.ts'
import { type ServerOptions, startServer, type TestServer, until } from '../../support/servers/server.ts'

const NAMES = ['one', 'two', 'three']
const EXPORTS_A_ROUND = 5
const RUN_MS = 1_500
const AWAY_MS = 2_000
const LARGEST_BYTES = 20 * 2 ** 20

// The test needs its own servers: it kills them, so they cannot be shared with other tests.
const skip = whyNoPostgres() ?? (canRunS3Server() ? false : 'needs radosgw, ceph-mon and ceph-osd of Debian')

allowTime(t, 60)

async function archiveOf(server: TestServer, taskid: number): Promise<string> {
  const { state, current, message } = await server.finished(taskid)
  if (state !== 'complete') return `${state}: ${message}`
  const response = await server.call(`/updateRepositories/firmware?key=export&exportRepoFilename=${current}`)
  const digest = createHash('sha256')
  for await (const chunk of response.body ?? []) digest.update(chunk)
  return digest.digest('hex')
}

function socketOf(postgres: PostgresServer): string {
  return path.join(new URL(postgres.url('postgres')).searchParams.get('host') ?? '', '.s.PGSQL.5432')
}

/** The number of versions of each object by name, including removed objects, and the names of the present objects. */
async function countVersions(s3: S3, { bucket, prefix }: TestBucket) {
  const versions = new Map<string, number>()
  const present = new Set<string>()
  let from: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | undefined = {}
  while (from !== undefined) {
    const page: ListObjectVersionsCommandOutput = await s3.listObjectVersions({
      Bucket: bucket,
      Prefix: prefix,
      ...from
    })
    for (const { Key = '', IsLatest } of page.Versions ?? []) {
      const name = Key.slice(prefix.length)
      versions.set(name, (versions.get(name) ?? 0) + 1)
      if (IsLatest) present.add(name)
    }
    from = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker } : undefined
  }
  return { versions, present }
}

t.test('a cluster completes every acknowledged export once, whichever part of it dies', { skip }, async (t) => {
  const chance = startChance(t)
  const depot = await makeChaosDepot(t, LARGEST_BYTES)
  const postgres = await startPostgres()
  t.teardown(() => postgres.remove())
  await ask(postgres.url('postgres'), 'create database cluster')
  const storage = await startS3Server()
  t.teardown(() => storage.stop())
  const bucket = await makeBucket(t, storage.server)
  const s3 = await s3Of(t, bucket)
  // With versions each write of an object can be counted.
  await s3.putBucketVersioning({ Bucket: bucket.bucket, VersioningConfiguration: { Status: 'Enabled' } })
  const gate = await startGate(t, bucket.server.endpoint)
  const databaseGate = await startGate(t, socketOf(postgres))
  const databaseUrl = `postgres://fixdepot:any@${new URL(databaseGate.url).host}/cluster`
  const optionsOf = (name: string, settings: ServerOptions['settings'] = {}): ServerOptions => {
    const dataDirectory = path.join(path.dirname(depot.dataDirectory), name)
    fs.mkdirSync(dataDirectory, { recursive: true })
    return { repositoryDirectory: depot.repositoryDirectory, dataDirectory, settings }
  }
  const start = (name: string) =>
    startServer(t, {
      ...optionsOf(name, { ...bucket.settings, FIXDEPOT_S3_ENDPOINT: gate.url }),
      databaseUrl
    })
  const servers = new Map<string, TestServer>()
  for (const name of NAMES) servers.set(name, await start(name))
  const any = () => servers.get(chance.pick(NAMES)) as TestServer
  const acknowledged: { readonly taskid: number; readonly fixids: readonly string[] }[] = []
  const counts: Record<string, number> = {}
  const count = (fault: string) => {
    counts[fault] = (counts[fault] ?? 0) + 1
  }
  /** One of them accompanies each kill, in rotation. */
  const FAULTS = [
    async () => {
      gate.shut()
      await wait(chance.below(AWAY_MS))
      gate.open()
      count('storage out of reach')
    },
    async () => {
      gate.cut()
      await wait(chance.below(RUN_MS))
      gate.cut()
      count('connections to storage cut')
    },
    async () => {
      databaseGate.cut()
      await wait(chance.below(RUN_MS))
      databaseGate.cut()
      count('connections to the database cut')
    },
    async () => {
      await postgres.kill()
      await postgres.start()
      count('PostgreSQL restarted')
    },
    async () => {
      await storage.killGateway()
      await wait(chance.below(AWAY_MS))
      await storage.startGateway()
      count('radosgw restarted')
    }
  ]

  for (let round = 0; round < ROUNDS; round += 1) {
    const requests = Array.from({ length: EXPORTS_A_ROUND }, async () => {
      const fixids = chance.some(FIXIDS)
      // A request without an answer was not acknowledged.
      const taskid = await any()
        .export({ fixids })
        .catch(() => undefined)
      if (taskid !== undefined) acknowledged.push({ taskid, fixids })
    })
    await wait(chance.below(RUN_MS))
    const victim = chance.pick(NAMES)
    servers.get(victim)?.child.kill('SIGKILL')
    count('kills')
    await FAULTS[round % FAULTS.length]?.()
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
  t.equal(bad, 0, 'every archive is whole, and equal to that of an embedded depot')
  t.equal(new Set(acknowledged.map(({ taskid }) => taskid)).size, acknowledged.length, 'each task id is unique')
  await until('no upload remains, except those that may hold the parts of a finished archive', async () => {
    const { Uploads = [] } = await s3.listMultipartUploads({ Bucket: bucket.bucket })
    const { present } = await countVersions(s3, bucket)
    return Uploads.every(({ Key = '' }) => present.has(Key.slice(bucket.prefix.length)))
  })
  const db = openDepotDatabase({ databaseFile: '', databaseUrl: postgres.url('cluster') })
  const plans = await db.selectFrom('plan').select('archive_name').where('archive_name', 'is not', null).execute()
  await db.destroy()
  const known = new Set(plans.map(({ archive_name }) => archive_name ?? ''))
  const { versions, present } = await countVersions(s3, bucket)
  t.same(
    [...versions].filter(([, times]) => times !== 1),
    [],
    'no object was written twice'
  )
  t.same(
    [...present].filter((name) => !known.has(name)),
    [MARKER_NAME],
    'every archive belongs to a plan'
  )
  t.comment(
    `${acknowledged.length} exports acknowledged, ${bad} lost or partial, ${versions.size - 1} archives; ${JSON.stringify(counts)}`
  )
})
