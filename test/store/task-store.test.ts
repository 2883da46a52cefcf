import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import type { Message } from '../../src/core/message.ts'
import type { TaskKind } from '../../src/core/task.ts'
import type { Depot } from '../../src/store/database.ts'
import { createTaskStore, findQueuedScan, isArchiveNameTaken } from '../../src/store/task-store.ts'
import { makeDepot, queueTask } from '../helpers/depot.ts'

const NOW = new Date('2026-03-04T05:06:07.890Z')
const LATER = new Date('2026-03-04T06:00:00.001Z')

const message = (id: string): Message => ({ id, text: `text ${id}`, explanation: `why ${id}`, recovery: `then ${id}` })
const DONE = message('DONE')

interface Extras {
  kind?: TaskKind
  archive_name?: string
  plan_id?: number
  packages_total?: number
  bytes_total?: number
}

const queue = (db: Depot, { kind = 'export', ...extras }: Extras = {}, notes: readonly Message[] = []) =>
  queueTask(db, kind, { created_at: NOW.getTime(), ...extras }, notes)

t.test('a new task waits, and knows who asked for what', async (t) => {
  const { db } = await makeDepot(t)
  const task = await queue(db, { archive_name: 'a.zip', packages_total: 3, bytes_total: 2 ** 40 }, [message('NOTE')])
  t.same(await createTaskStore(db).findTask(task.id), task)
  t.match(task, {
    kind: 'export',
    state: 'queued',
    packagesDone: 0,
    packagesTotal: 3,
    bytesDone: 0,
    bytesTotal: 2 ** 40,
    archiveName: 'a.zip',
    createdBy: 'tester',
    createdAt: NOW,
    startedAt: null,
    finishedAt: null,
    attempt: 0,
    messages: [message('NOTE')]
  })
  t.equal(await createTaskStore(db).findTask(task.id + 1), undefined)
})

t.test('the oldest task of the kind is claimed first, and only once', async (t) => {
  const { db } = await makeDepot(t)
  const store = createTaskStore(db)
  const scan = await queue(db, { kind: 'scan' })
  const [first, second] = [await queue(db), await queue(db)]
  const claimed = await store.claimNext('export', LATER)
  t.match(claimed, { id: first.id, state: 'running', attempt: 1, startedAt: LATER, planId: null })
  t.equal((await store.claimNext('export', LATER))?.id, second.id)
  t.equal(await store.claimNext('export', LATER), undefined)
  t.equal((await store.claimNext('scan', LATER))?.id, scan.id)
})

t.test('many claims over two connections get every task once', async (t) => {
  const { db, connect } = await makeDepot(t)
  const ids: number[] = []
  for (let number = 0; number < 30; number += 1) ids.push((await queue(db)).id)
  const stores = [createTaskStore(db), createTaskStore(connect())]
  const claims = await Promise.all(
    Array.from({ length: 40 }, (_, number) => stores[number % 2]?.claimNext('export', NOW))
  )
  const claimed = claims.flatMap((task) => task?.id ?? [])
  t.same(
    claimed.sort((left, right) => left - right),
    ids
  )
})

t.test('threads that claim at the same time never get the same task', async (t) => {
  const { db, databaseFile } = await makeDepot(t)
  const ids: number[] = []
  for (let number = 0; number < 200; number += 1) ids.push((await queue(db)).id)
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    void (async () => {
      const { openDatabase } = await import(workerData.database)
      const { createTaskStore } = await import(workerData.tasks)
      const db = openDatabase({ file: workerData.file })
      const store = createTaskStore(db)
      const ids = []
      parentPort.postMessage('ready')
      parentPort.once('message', async () => {
        for (let task; (task = await store.claimNext('export', new Date())); ) ids.push(task.id)
        await db.destroy()
        parentPort.postMessage(ids)
        parentPort.close()
      })
    })()`
  const module = (name: string) => new URL(`../../src/store/${name}.ts`, import.meta.url).href
  const workerData = { file: databaseFile, database: module('database'), tasks: module('task-store') }
  const threads = [0, 1].map(() => new Worker(code, { eval: true, workerData }))
  await Promise.all(threads.map((thread) => once(thread, 'message')))
  const answers = threads.map((thread) => once(thread, 'message'))
  for (const thread of threads) thread.postMessage('go')
  const claimed = (await Promise.all(answers)).flatMap(([list]): number[] => list)
  t.same(
    claimed.sort((left, right) => left - right),
    ids
  )
})

t.test('only a running task can be ended, and only once', async (t) => {
  const { db } = await makeDepot(t)
  const store = createTaskStore(db)
  const { id } = await queue(db)
  t.equal(await store.finish(id, { state: 'failed', message: DONE, now: LATER }), false)
  t.match(await store.findTask(id), { state: 'queued', finishedAt: null, messages: [] })
  await store.claimNext('export', NOW)
  t.equal(await store.finish(id, { state: 'failed', message: DONE, now: LATER }), true)
  t.equal(await store.finish(id, { state: 'completed', message: message('LATE'), now: NOW }), false)
  t.match(await store.findTask(id), { state: 'failed', finishedAt: LATER, messages: [DONE] })
  t.equal(await store.finish(id + 1, { state: 'failed', message: DONE, now: LATER }), false)
})

t.test('a completed task is done to its last byte and package, a failed one stays where it was', async (t) => {
  const { db } = await makeDepot(t)
  const store = createTaskStore(db)
  for (const state of ['completed', 'failed', 'canceled'] as const) {
    const { id } = await queue(db, { packages_total: 7, bytes_total: 700 })
    await store.claimNext('export', NOW)
    await store.saveProgress(id, { packagesDone: 2, bytesDone: 250 })
    await store.finish(id, { state, message: DONE, now: LATER })
    const [packagesDone, bytesDone] = state === 'completed' ? [7, 700] : [2, 250]
    t.match(await store.findTask(id), { state, packagesDone, bytesDone }, state)
  }
})

t.test('progress and totals are kept while a task runs, and at no other time', async (t) => {
  const { db } = await makeDepot(t)
  const store = createTaskStore(db)
  const { id } = await queue(db, { packages_total: 1, bytes_total: 1 })
  const save = async (done: number) => {
    await store.saveProgress(id, { packagesDone: done, bytesDone: done * 100 })
    await store.saveTotals(id, done * 10, done * 1000)
  }
  await save(1)
  t.match(await store.findTask(id), { packagesDone: 0, bytesDone: 0, packagesTotal: 1, bytesTotal: 1 })
  await store.claimNext('export', NOW)
  await save(2)
  t.match(await store.findTask(id), { packagesDone: 2, bytesDone: 200, packagesTotal: 20, bytesTotal: 2000 })
  await store.finish(id, { state: 'failed', message: DONE, now: LATER })
  await save(3)
  t.match(await store.findTask(id), { packagesDone: 2, bytesDone: 200, packagesTotal: 20, bytesTotal: 2000 })
})

t.test('a running task goes back to the queue, and keeps the time of its first start', async (t) => {
  const { db } = await makeDepot(t)
  const store = createTaskStore(db)
  const [first, second] = [await queue(db), await queue(db)]
  for (const _ of [first, second]) await store.claimNext('export', NOW)
  await store.saveProgress(first.id, { packagesDone: 1, bytesDone: 5 })
  await store.requeue(first.id)
  t.match(await store.findTask(first.id), { state: 'queued', attempt: 1, packagesDone: 0, bytesDone: 0 })
  t.match(await store.findTask(second.id), { state: 'running' })
  t.match(await store.claimNext('export', LATER), { id: first.id, attempt: 2, startedAt: NOW })
})

t.test('what has ended does not go back to the queue', async (t) => {
  const { db } = await makeDepot(t)
  const store = createTaskStore(db)
  const [ended, running, waiting, scan] = [
    await queue(db, { packages_total: 3 }),
    await queue(db),
    await queue(db),
    await queue(db, { kind: 'scan' })
  ]
  for (const kind of ['export', 'export', 'scan'] as const) await store.claimNext(kind, NOW)
  await store.finish(ended.id, { state: 'completed', message: DONE, now: LATER })
  await store.requeue(ended.id)
  t.match(await store.findTask(ended.id), { state: 'completed', packagesDone: 3 })
  await store.requeueAll()
  t.match(await store.findTask(ended.id), { state: 'completed', packagesDone: 3 })
  for (const { id } of [running, waiting, scan]) t.match(await store.findTask(id), { state: 'queued' })
})

t.test('an id is never used again, not even when its task is gone', async (t) => {
  const { db } = await makeDepot(t)
  const { id } = await queue(db, {}, [message('NOTE')])
  await db.deleteFrom('task').execute()
  t.same(await db.selectFrom('task_message').selectAll().execute(), [], 'messages go with their task')
  t.ok((await queue(db)).id > id)
})

t.test('how a task ended stands before its notes, and the notes in their order', async (t) => {
  const { db } = await makeDepot(t)
  const store = createTaskStore(db)
  const notes = ['FIRST', 'SECOND', 'THIRD'].map(message)
  const { id } = await queue(db, {}, notes)
  await queue(db, {}, [message('OTHER')])
  await store.claimNext('export', NOW)
  t.same((await store.findTask(id))?.messages, notes)
  await store.finish(id, { state: 'completed', message: DONE, now: LATER })
  t.same((await store.findTask(id))?.messages, [DONE, ...notes])
})

t.test('live tasks are those that have not ended, oldest first, with their messages', async (t) => {
  const { db } = await makeDepot(t)
  const store = createTaskStore(db)
  const ended = await queue(db)
  await store.claimNext('export', NOW)
  await store.finish(ended.id, { state: 'completed', message: DONE, now: LATER })
  const running = await queue(db, {}, [message('NOTE')])
  await store.claimNext('export', NOW)
  const [scan, waiting] = [await queue(db, { kind: 'scan' }), await queue(db)]
  const ids = async (kind: TaskKind | undefined, limit: number) =>
    (await store.liveTasks(kind, limit)).map((task) => task.id)
  t.same(await ids(undefined, 10), [running.id, scan.id, waiting.id])
  t.same(await ids('export', 10), [running.id, waiting.id])
  t.same(await ids('export', 1), [running.id])
  t.same(await ids('scan', 10), [scan.id])
  t.same((await store.liveTasks('export', 1))[0]?.messages, [message('NOTE')])
})

t.test('the totals are sums over live tasks, of one kind or of all', async (t) => {
  const { db } = await makeDepot(t)
  const store = createTaskStore(db)
  const none = { count: 0, queued: 0, packagesDone: 0, packagesTotal: 0, bytesDone: 0, bytesTotal: 0 }
  t.same(await store.liveTotals(undefined), none)
  for (const bytes_total of [1000, 200]) await queue(db, { packages_total: 5, bytes_total })
  await queue(db, { kind: 'scan', bytes_total: 50 })
  const claimed = await store.claimNext('export', NOW)
  await store.saveProgress(claimed?.id ?? 0, { packagesDone: 2, bytesDone: 400 })
  const exports = { count: 2, queued: 1, packagesDone: 2, packagesTotal: 10, bytesDone: 400, bytesTotal: 1200 }
  t.same(await store.liveTotals('export'), exports)
  t.same(await store.liveTotals(undefined), { ...exports, count: 3, queued: 2, bytesTotal: 1250 })
  await store.finish(claimed?.id ?? 0, { state: 'failed', message: DONE, now: LATER })
  t.match(await store.liveTotals('export'), { count: 1, queued: 1, packagesDone: 0, bytesTotal: 200 })
})

t.test('an archive belongs to the completed export of its name', async (t) => {
  const { db } = await makeDepot(t)
  const store = createTaskStore(db)
  const plan = { digest: 'abc', package_count: 0, entry_count: 0, directory_offset: 0, archive_size: 22 }
  const { id: plan_id } = await db.insertInto('plan').values(plan).returning('id').executeTakeFirstOrThrow()
  const { id } = await queue(db, { plan_id, archive_name: 'a.zip' })
  t.equal((await store.claimNext('export', NOW))?.planId, plan_id)
  t.equal(await store.findExportByArchive('a.zip'), undefined, 'not while it runs')
  await store.finish(id, { state: 'completed', message: DONE, now: LATER })
  t.same(await store.findExportByArchive('a.zip'), { digest: 'abc' })
  t.equal(await store.findExportByArchive('A.ZIP'), undefined)
  t.equal(await isArchiveNameTaken(db, 'a.zip'), true)
  t.equal(await isArchiveNameTaken(db, 'b.zip'), false)
  await t.rejects(queue(db, { archive_name: 'a.zip' }), /UNIQUE/)
})

t.test('only a scan that still waits is found as queued', async (t) => {
  const { db } = await makeDepot(t)
  await queue(db)
  t.equal(await findQueuedScan(db), undefined)
  const { id } = await queue(db, { kind: 'scan' })
  t.equal((await findQueuedScan(db))?.id, id)
  await createTaskStore(db).claimNext('scan', NOW)
  t.equal(await findQueuedScan(db), undefined)
})
