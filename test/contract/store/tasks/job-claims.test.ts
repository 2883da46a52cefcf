import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { FROM_THE_START } from '../../../../src/core/tasks/job.ts'
import type { Database } from '../../../../src/store/engine/database.ts'
import { createJobStore } from '../../../../src/store/tasks/job-store.ts'
import { makeDepot, queueTask } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

const NOW = new Date('2026-03-04T05:06:07.890Z')
const LATER = new Date('2026-03-04T06:00:00.001Z')

const rowOf = (db: Database, { jobId }: { jobId: number }) =>
  db.selectFrom('job').selectAll().where('id', '=', jobId).executeTakeFirstOrThrow()

testOnBoth('a claim that fails half way leaves the job queued', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  const { jobId } = await queueTask(db, 'export')
  await db.schema.alterTable('task').renameTo('out_of_reach').execute()
  await t.rejects(jobs.claimNext(['export'], 'tester', new Date()), /no such table|does not exist/)
  await db.schema.alterTable('out_of_reach').renameTo('task').execute()
  t.match(await jobs.claimNext(['export'], 'tester', new Date()), { jobId, token: 1 })
})

testOnBoth('the oldest job of the kind is claimed first, and only once', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  const scan = await queueTask(db, 'scan')
  const [first, second] = [await queueTask(db, 'export'), await queueTask(db, 'export')]
  t.same(await jobs.claimNext(['export'], 'tester', NOW), {
    jobId: first.jobId,
    token: 1,
    kind: 'export',
    taskId: first.id,
    planId: null,
    checkpoint: FROM_THE_START,
    crashes: 0
  })
  t.equal((await jobs.claimNext(['export'], 'tester', NOW))?.jobId, second.jobId)
  t.equal(await jobs.claimNext(['export'], 'tester', NOW), undefined)
  t.equal((await jobs.claimNext(['scan'], 'tester', NOW))?.jobId, scan.jobId)
})

testOnBoth('threads that claim at the same time never get the same job', async (t) => {
  const { db, databaseFile, databaseUrl } = await makeDepot(t)
  const ids: number[] = []
  for (let number = 0; number < 200; number += 1) ids.push((await queueTask(db, 'export')).jobId)
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    void (async () => {
      const { openDepotDatabase } = await import(workerData.database)
      const { createJobStore } = await import(workerData.jobs)
      const db = openDepotDatabase(workerData.location)
      const jobs = createJobStore(db)
      const ids = []
      parentPort.postMessage('ready')
      parentPort.once('message', async () => {
        for (let job; (job = await jobs.claimNext(['export'], 'tester', new Date())); ) ids.push(job.jobId)
        await db.destroy()
        parentPort.postMessage(ids)
        parentPort.close()
      })
    })()`
  const module = (name: string) => new URL(`../../../../src/store/${name}.ts`, import.meta.url).href
  const workerData = {
    location: { databaseFile, databaseUrl },
    database: module('engine/database'),
    jobs: module('tasks/job-store')
  }
  const threads = [0, 1].map(() => new Worker(code, { eval: true, workerData }))
  await Promise.all(threads.map((thread) => once(thread, 'message')))
  const answers = threads.map((thread) => once(thread, 'message'))
  for (const thread of threads) thread.postMessage('go')
  const all = (await Promise.all(answers)).flatMap(([list]): number[] => list)
  t.same(
    all.sort((left, right) => left - right),
    ids
  )
})

testOnBoth('a claim whose result was not received is released by its owner and time', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  const [one, two] = [await queueTask(db, 'export'), await queueTask(db, 'export')]
  await jobs.claimNext(['export'], 'tester', NOW)
  await jobs.claimNext(['export'], 'tester', LATER)
  await jobs.releaseClaim('another', NOW)
  await jobs.releaseClaim('tester', NOW)
  t.match([await rowOf(db, one), await rowOf(db, two)], [{ state: 'queued' }, { state: 'running' }])
  t.match(await jobs.claimNext(['export'], 'tester', LATER), { jobId: one.jobId, token: 2 })
})
