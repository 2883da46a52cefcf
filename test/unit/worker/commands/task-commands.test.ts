import fs from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import { sql } from 'kysely'
import t from 'tap'
import { generateRepository } from '../../../../sample/generate.ts'
import type { AcceptedTask } from '../../../../src/core/export/task-commands.ts'
import {
  membersMissing,
  OPERATION_SUCCEEDED,
  payloadsMissing,
  TASK_CANCELED,
  taskAccepted
} from '../../../../src/core/problems/message.ts'
import { Problem } from '../../../../src/core/problems/problem.ts'
import type { Database } from '../../../../src/store/engine/database.ts'
import { createJobStore } from '../../../../src/store/tasks/job-store.ts'
import { createPlanStore } from '../../../../src/store/tasks/plan-store.ts'
import { SPACE_FLOOR_BYTES } from '../../../../src/worker/runtime/repository-space.ts'
import { itemsOf } from '../../../support/depot.ts'
import { ONLY_SQLITE } from '../../../support/engines.ts'
import { ABSENT, NIC, PACK, packageFiles, smallRepository, UEFI, XCC } from '../../../support/packages.ts'
import { callThread } from '../../../support/worker/called-thread.ts'
import { EVERYTHING, makeExportDepot } from '../../../support/worker/pack-queued.ts'
import { makeCommands, runQueued } from '../../../support/worker.ts'

const NOW = new Date('2026-04-05T06:07:08.900Z')

async function planOf(db: Database, { task }: AcceptedTask) {
  const query = db.selectFrom('plan').select('id').where('archive_name', '=', task.archiveName)
  const { id } = await query.executeTakeFirstOrThrow()
  const plans = createPlanStore(db)
  return { ...(await plans.getPlan(id)), entries: await itemsOf(plans.entryPages(id)) }
}

const pathsOf = async (db: Database, accepted: AcceptedTask) =>
  (await planOf(db, accepted)).entries.map((entry) => entry.path).sort()

/** The state that a refused request must not change. */
async function counts(db: Database): Promise<number[]> {
  const tables = ['task', 'task_message', 'plan', 'plan_entry', 'job'] as const
  const count = async (table: (typeof tables)[number]) =>
    (
      await db
        .selectFrom(table)
        .select((eb) => eb.fn.countAll<number>().as('rows'))
        .executeTakeFirstOrThrow()
    ).rows
  return Promise.all(tables.map(count))
}

const allFiles = (...fixids: string[]) =>
  fixids.flatMap((fixid) => ['chg', 'txt', 'uxz', 'xml'].map((suffix) => `${fixid}.${suffix}`)).sort()

t.test('an accepted export is a queued task with the exact plan of its archive', async (t) => {
  const depot = await makeExportDepot(t)
  const { repositoryDirectory: directory } = depot
  await generateRepository({ directory, targetBytes: 600_000, seedFiles: [] })
  await depot.scan()
  const accepted = await makeCommands(depot, { now: () => NOW }).requestExport({
    selection: EVERYTHING,
    requestedBy: 'ann'
  })
  const { entries, packageCount, archiveSize } = await planOf(depot.connect(), accepted)
  const found = await depot.tasks.findTask(accepted.task.id)
  t.same(found, accepted.task, 'what is answered is what is kept')
  t.match(found, { kind: 'export', state: 'queued', createdBy: 'ann', createdAt: NOW, startedAt: null })
  t.match(found, { packagesTotal: packageCount, bytesTotal: archiveSize, packagesDone: 0, bytesDone: 0 })
  t.equal(new Set(entries.map((entry) => entry.path)).size, entries.length)
  const isTrue = entries.map(({ path: name, size, crc32: crc }) => {
    const bytes = fs.readFileSync(path.join(directory, name))
    return bytes.length === size && crc32(bytes) === crc
  })
  t.ok(isTrue.length > 100 && !isTrue.includes(false), 'sizes and checksums are those of the files')
  t.equal(entries.at(-1)?.packagesDone, packageCount)
  t.equal(await depot.runExport(accepted).then(() => fs.statSync(depot.archivePath(accepted)).size), archiveSize)
})

t.test('an export is accepted only when it is durable', ONLY_SQLITE, async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  const { db } = depot
  await depot.scan()
  await sql`create temp table seen (mode integer)`.execute(db)
  await sql`create temp trigger look after insert on main.task
    begin insert into seen select synchronous from pragma_synchronous; end`.execute(db)
  const commands = makeCommands(depot)
  await commands.requestExport({ selection: EVERYTHING, requestedBy: 'ann' })
  await commands.requestScan('ann')
  const { rows } = await sql<{ mode: number }>`select mode from seen`.execute(db)
  t.same(rows, [{ mode: 2 }, { mode: 2 }])
})

t.test('all unknown fixids are named once, and the request leaves nothing', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const error = await depot.accept({ fixids: ['nobody-1', UEFI, 'nobody-2', 'nobody-1', ABSENT] }).catch((e) => e)
  t.ok(error instanceof Problem)
  t.equal(error.code, 'FIXID_UNKNOWN')
  t.match(error.message, /: nobody-1, nobody-2, lnvgy_fw_cpld_abs100a-1\.00_anyos_noarch\.$/)
  t.same(await counts(depot.db), [0, 0, 0, 0, 0])
  const many = Array.from({ length: 1_005 }, (_, number) => `nobody-${number}`)
  await t.rejects(depot.accept({ fixids: many }), { message: /nobody-0, .*nobody-999 and 5 more\.$/ })
  t.same(await counts(depot.db), [0, 0, 0, 0, 0])
  t.match(await depot.accept({ fixids: [UEFI] }), { task: { state: 'queued' } })
})

t.test('when the task cannot be stored, its plan is not stored either', ONLY_SQLITE, async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  await sql`create trigger full before insert on task begin select raise(abort, 'no room'); end`.execute(depot.db)
  await t.rejects(depot.accept(), /no room/)
  t.same(await counts(depot.db), [0, 0, 0, 0, 0])
})

t.test('members of a system pack are exported too, and missing ones are noted', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const accepted = await depot.accept({ fixids: [PACK] })
  const pack = [`${PACK}.chg`, `${PACK}.txt`, `${PACK}.xml`]
  t.same(await pathsOf(depot.db, accepted), [...allFiles(UEFI, XCC), ...pack].sort())
  t.equal(accepted.task.packagesTotal, 3)
  const note = membersMissing([ABSENT], 1)
  t.same(accepted.notes, [taskAccepted(accepted.task.id), note])
  t.same((await depot.tasks.findTask(accepted.task.id))?.messages, [note])
})

t.test('a package that is not downloaded is exported without its payload, and noted', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const all = await depot.accept({ fixids: [NIC, XCC] })
  t.same(await pathsOf(depot.db, all), [...allFiles(XCC), `${NIC}.chg`, `${NIC}.txt`, `${NIC}.xml`].sort())
  t.equal(all.task.packagesTotal, 2)
  t.same(all.notes.slice(1), [payloadsMissing([NIC], 1)])
  const payloads = await depot.accept({ fixids: [NIC, XCC], scope: 'payloads' })
  t.same(await pathsOf(depot.db, payloads), [`${XCC}.uxz`])
  t.equal(payloads.task.packagesTotal, 1, 'it has nothing in this archive')
  t.same(payloads.notes.slice(1), [payloadsMissing([NIC], 1)])
  t.same((await depot.accept({ fixids: [XCC] })).notes.length, 1, 'who does not select it hears nothing of it')
})

t.test('no fixids select the whole repository, and a repeated fixid changes nothing', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const rows = await depot.db.selectFrom('package').select('fixid').orderBy('fixid', 'desc').execute()
  const fixids = rows.map((row) => row.fixid)
  const plans = await Promise.all(
    [[], fixids, [...fixids, ...fixids]].map(async (fixids) => planOf(depot.db, await depot.accept({ fixids })))
  )
  t.equal(new Set(plans.map(({ digest }) => digest)).size, 1)
  t.same(new Set(plans.map(({ packageCount }) => packageCount)), new Set([5]))
})

t.test('a plan does not change when the catalog does', async (t) => {
  const depot = await makeExportDepot(t, packageFiles({ fixid: 'a', payload: 'x' }))
  await depot.scan()
  const accepted = await depot.accept()
  const before = await planOf(depot.db, accepted)
  fs.rmSync(path.join(depot.repositoryDirectory, 'a.uxz'))
  depot.write(packageFiles({ fixid: 'b', payload: 'y' }))
  await depot.scan()
  t.same(await planOf(depot.db, accepted), before)
})

t.test(
  'archives get unique names, and equal exports share a job, however many threads accept them in one second',
  async (t) => {
    const fixids = ['a', 'b', 'c', 'd']
    const depot = await makeExportDepot(
      t,
      Object.assign({}, ...fixids.map((fixid) => packageFiles({ fixid, payload: fixid })))
    )
    await depot.scan()
    const file = path.join(import.meta.dirname, '../../../support/worker/command-thread.ts')
    const { databaseFile, databaseUrl } = depot
    const workerData = { databaseFile, databaseUrl, now: NOW }
    const threads = Array.from({ length: 2 }, () => new Worker(file, { workerData }))
    t.teardown(() => Promise.all(threads.map((thread) => thread.terminate())))
    const commandSets = threads.map((thread) => callThread(thread).commands)
    const requests = commandSets.flatMap((commands) =>
      [...fixids, ...fixids].map((fixid) =>
        commands.requestExport({ selection: { fixids: [fixid], scope: 'all' }, requestedBy: 'ann' })
      )
    )
    const accepted = await Promise.all(requests)
    t.same(
      [...new Set(accepted.map(({ task }) => task.archiveName))].sort(),
      ['', '001', '002', '003'].map((serial) => `repository20260405060708${serial}.zip`).sort()
    )
    t.equal(new Set(accepted.map(({ task }) => task.id)).size, 16, 'each caller has a task')
    t.match(await counts(depot.db), { 4: 4 }, 'for four jobs')
    const scans = await Promise.all(
      commandSets.flatMap((commands) => [commands.requestScan('ann'), commands.requestScan('bob')])
    )
    t.equal(new Set(scans.map(({ task }) => task.id)).size, 4)
    t.match(await counts(depot.db), { 4: 5 })
  }
)

t.test('no archive name of one second is given twice, also after others of that second were deleted', async (t) => {
  const fixids = ['a', 'b', 'c']
  const depot = await makeExportDepot(
    t,
    Object.assign({}, ...fixids.map((fixid) => packageFiles({ fixid, payload: fixid })))
  )
  await depot.scan()
  const commands = makeCommands(depot, { now: () => NOW })
  const request = async (fixid: string) => {
    const selection = { fixids: [fixid], scope: 'all' } as const
    return (await commands.requestExport({ selection, requestedBy: 'ann' })).task.archiveName
  }
  const [first, second] = [await request('a'), await request('b')]
  await depot.db.updateTable('plan').set({ archive_name: null }).where('archive_name', '=', first).execute()
  const third = await request('c')
  t.equal(new Set([first, second, third]).size, 3)
})

t.test('a queued scan serves all requests; a running one does not', async (t) => {
  const depot = await makeExportDepot(t)
  const commands = makeCommands(depot, { now: () => NOW })
  const jobs = createJobStore(depot.db)
  const [first, second] = [await commands.requestScan('ann'), await commands.requestScan('bob')]
  t.match(first.task, { kind: 'scan', state: 'queued', createdBy: 'ann', createdAt: NOW, archiveName: '' })
  t.same(second.notes, [taskAccepted(second.task.id)])
  t.ok(await jobs.claimNext(['scan'], 'tester', NOW))
  const third = await commands.requestScan('cid')
  t.same(
    (await depot.tasks.liveTasks('scan', 10)).map(({ id, state, createdBy }) => [id, state, createdBy]),
    [
      [first.task.id, 'running', 'ann'],
      [second.task.id, 'running', 'bob'],
      [third.task.id, 'queued', 'cid']
    ]
  )
})

t.test('an equal export shares the archive that is being packed, and stores no plan', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const [first, second] = [await depot.accept(), await depot.accept()]
  t.not(first.task.id, second.task.id)
  t.equal(first.task.archiveName, second.task.archiveName)
  t.match(await counts(depot.db), { 2: 1, 4: 1 })
  await makeCommands(depot).cancelTasks([first.task.id])
  const { task } = await depot.settle(second)
  t.match(task, { state: 'completed', bytesDone: second.task.bytesTotal }, 'canceling one does not harm the other')
})

t.test('an equal export is complete at once while the archive is kept, and extends its retention', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const first = await depot.accept()
  await depot.settle(first)
  const later = new Date(Date.now() + 3_600_000)
  const again = await makeCommands(depot, { now: () => later }).requestExport({
    selection: EVERYTHING,
    requestedBy: 'bob'
  })
  t.match(again.task, {
    state: 'completed',
    archiveName: first.task.archiveName,
    bytesDone: first.task.bytesTotal,
    packagesDone: first.task.packagesTotal,
    messages: [OPERATION_SUCCEEDED],
    finishedAt: later
  })
  const { kept_until } = await depot.db.selectFrom('plan').select('kept_until').executeTakeFirstOrThrow()
  t.equal(kept_until, later.getTime() + depot.archiveTtlMs)
})

t.test('an archive whose file was removed is packed again, under another name', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const first = await depot.accept()
  await depot.settle(first)
  fs.rmSync(depot.archivePath(first))
  const again = await depot.accept()
  t.match(again.task, { state: 'queued' })
  t.not(again.task.archiveName, first.task.archiveName)
  t.match((await depot.settle(again)).task, { state: 'completed' })
})

t.test('a changed repository gives a new plan', async (t) => {
  const depot = await makeExportDepot(t, packageFiles({ fixid: 'a', payload: 'x' }))
  await depot.scan()
  const first = await depot.accept()
  depot.write({ 'a.uxz': 'y' })
  await depot.scan()
  t.not((await depot.accept()).task.archiveName, first.task.archiveName)
})

t.test(
  'an export without enough space is refused with the figures, and an accepted one reserves its space',
  async (t) => {
    const depot = await makeExportDepot(t, {
      ...packageFiles({ fixid: 'a', payload: 'x' }),
      ...packageFiles({ fixid: 'b', payload: 'y' })
    })
    await depot.scan()
    let free = SPACE_FLOOR_BYTES
    const commands = makeCommands(depot, { freeBytes: () => free })
    const request = (fixid: string) =>
      commands.requestExport({ selection: { fixids: [fixid], scope: 'all' }, requestedBy: 'ann' })
    const refusal = await request('a').catch((error) => error)
    t.match(refusal, { code: 'SPACE_INSUFFICIENT', kind: 'conflict' })
    const [needed = 0, ...figures] = [...refusal.message.matchAll(/\d+/g)].map(Number)
    t.same(figures, [free, SPACE_FLOOR_BYTES])
    t.same(await counts(depot.db), [0, 0, 0, 0, 0])
    free += needed
    const { task } = await request('a')
    t.equal(task.bytesTotal, needed)
    await t.rejects(request('b'), { message: new RegExp(`${SPACE_FLOOR_BYTES + needed} of them are reserved`) })
    await commands.cancelTasks([task.id])
    t.match(await request('b'), { task: { state: 'queued' } }, 'a canceled one needs no space')
  }
)

t.test('either all given tasks are canceled, or none', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const commands = makeCommands(depot)
  const [ended, waiting] = [await depot.accept({ fixids: [UEFI] }), await depot.accept({ fixids: [XCC] })]
  await runQueued(depot, 'export', { run: async () => OPERATION_SUCCEEDED })
  const fresh = await depot.accept({ fixids: [NIC] })
  await t.rejects(commands.cancelTasks([fresh.task.id, 901, 902]), {
    code: 'TASK_UNKNOWN',
    message: 'There is no task 901, 902.'
  })
  t.match(await depot.tasks.findTask(fresh.task.id), { state: 'queued' })
  t.same(await commands.cancelTasks([ended.task.id, fresh.task.id, fresh.task.id]), [
    { taskId: ended.task.id, isCanceledNow: false },
    { taskId: fresh.task.id, isCanceledNow: true }
  ])
  t.match(await depot.tasks.findTask(fresh.task.id), { state: 'canceled', messages: [TASK_CANCELED] })
  t.match(await depot.tasks.findTask(waiting.task.id), { state: 'completed' })
})
