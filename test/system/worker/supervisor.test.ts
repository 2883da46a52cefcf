import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { OPERATION_SUCCEEDED, TASK_CANCELED } from '../../../src/core/problems/message.ts'
import { createLocalNotifications } from '../../../src/core/tasks/notifications.ts'
import { createJobStore } from '../../../src/store/tasks/job-store.ts'
import { listPackages, queueTask } from '../../support/depot.ts'
import { NIC, packageFiles, smallRepository, UEFI, XCC } from '../../support/packages.ts'
import { isPacked, largeDepot } from '../../support/worker/large-depot.ts'
import { EVERYTHING, makeExportDepot } from '../../support/worker/pack-queued.ts'
import { supervise } from '../../support/worker/supervised.ts'

const REQUEST = { selection: EVERYTHING, requestedBy: 'ann' }

t.test('accepted scans and exports are run at once, each task once', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  const worker = await supervise(t, depot, 2)
  const scan = await worker.commands.requestScan('ann')
  t.match(await worker.reported('completed', scan.task.id), { kind: 'scan', crashes: 0 })
  t.equal((await listPackages(depot.db)).length, 5)
  const selections = [[], [UEFI], [XCC], [NIC], [UEFI, XCC], [UEFI, NIC]]
  const accepted = await Promise.all(
    selections.map((fixids) => worker.commands.requestExport({ ...REQUEST, selection: { ...EVERYTHING, fixids } }))
  )
  const ids = accepted.map(({ task }) => task.id)
  for (const { task } of accepted) {
    await worker.reported('completed', task.id)
    t.match(await depot.tasks.findTask(task.id), { state: 'completed', bytesDone: task.bytesTotal })
  }
  const exports = worker.reports.filter(({ kind }) => kind === 'export')
  for (const event of ['started', 'completed']) {
    t.same(exports.flatMap((report) => (report.event === event ? report.taskId : [])).sort(), ids, `${event} once each`)
  }
  t.same(worker.crashes, [])
})

t.test('a failure is reported to the task and to the log, and the next task is run', async (t) => {
  const files = { ...packageFiles({ fixid: 'a', payload: 'x' }), ...packageFiles({ fixid: 'b', payload: 'y' }) }
  const depot = await makeExportDepot(t, files)
  await depot.scan()
  fs.rmSync(path.join(depot.repositoryDirectory, 'a.uxz'))
  const worker = await supervise(t, depot)
  const select = (...fixids: string[]) => ({ ...REQUEST, selection: { ...EVERYTHING, fixids } })
  const [failing, next] = await Promise.all(['a', 'b'].map((fixid) => worker.commands.requestExport(select(fixid))))
  const { failure } = await worker.reported('failed', failing?.task.id ?? 0)
  const text = 'a.uxz cannot be read: ENOENT. It belongs to the package a.'
  t.match(failure, { text, stack: /TaskFailure/, isExpected: true })
  t.match(await depot.tasks.findTask(failing?.task.id ?? 0), { state: 'failed', messages: [{ text }] })
  await worker.reported('completed', next?.task.id ?? 0)
  t.same(depot.archives(), [next?.task.archiveName])
  await t.rejects(worker.commands.requestExport(select('a', 'unknown')), { code: 'FIXID_UNKNOWN', message: /unknown/ })
})

t.test('tasks that a former process left running are queued again and run', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const accepted = [await depot.accept(), await depot.accept()]
  const jobs = createJobStore(depot.db)
  const scan = await queueTask(depot.db, 'scan')
  for (const kind of ['export', 'scan'] as const) await jobs.claimNext([kind], 'a former process', new Date())
  const [first] = accepted
  if (first !== undefined) fs.writeFileSync(`${depot.archivePath(first)}.1.part`, Buffer.alloc(100_000, 'half of it'))
  const worker = await supervise(t, depot)
  await worker.reported('completed', first?.task.id ?? 0)
  for (const { task } of accepted) await isPacked(t, depot, task)
  await worker.reported('completed', scan.id)
  t.match(await depot.tasks.findTask(scan.id), { state: 'completed', messages: [OPERATION_SUCCEEDED] })
})

t.test('a stop interrupts an export, and the next start resumes it', async (t) => {
  const depot = await largeDepot(t)
  const former = await supervise(t, depot)
  const { task } = await former.commands.requestExport(REQUEST)
  await former.reported('started', task.id)
  await former.stop()
  t.equal((await depot.tasks.findTask(task.id))?.state, 'queued')
  t.same(former.crashes, [])
  t.same(
    former.threads.map(({ threadId }) => threadId),
    [-1, -1],
    'its threads have ended'
  )
  t.notOk(fs.existsSync(path.join(depot.archivesDirectory, task.archiveName)))
  await t.rejects(former.commands.requestScan('ann'), { code: 'WORKER_UNAVAILABLE' })

  const worker = await supervise(t, depot)
  await worker.reported('completed', task.id)
  await isPacked(t, depot, task)
})

t.test('the scan process ends when it is idle, also while peers notify of changes', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  const notifications = createLocalNotifications()
  const worker = await supervise(t, depot, 1, 500, { hasOthers: true, notifications })
  const { task } = await worker.commands.requestScan('ann')
  await worker.reported('completed', task.id)
  const started = worker.children.length
  const child = worker.children.at(-1)
  const notifying = setInterval(() => notifications.notify('catalog'), 20)
  t.teardown(() => clearInterval(notifying))
  const timeLimit = AbortSignal.timeout(60_000)
  if (child?.exitCode === null) await once(child, 'exit', { signal: timeLimit }).catch(() => {})
  t.equal(child?.exitCode, 0)
  t.equal(worker.children.length, started, 'no further process is started')
})

t.test('a scan requested while another one runs is run after it, and later ones too', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  const { id } = await queueTask(depot.db, 'scan')
  const worker = await supervise(t, depot)
  await worker.reported('started', id)
  const second = (await worker.commands.requestScan('ann')).task.id
  await worker.reported('completed', second)
  t.same(
    worker.reports.map(({ event, taskId }) => [event, taskId]),
    [id, second].flatMap((taskId) => ['started', 'completed'].map((event) => [event, taskId]))
  )
  depot.write(packageFiles({ fixid: 'new' }))
  const third = (await worker.commands.requestScan('ann')).task.id
  await worker.reported('completed', third)
  t.equal((await listPackages(depot.db)).length, 6)
})

t.test('one process runs all scans in sequence, and ends after an idle time', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  const worker = await supervise(t, depot)
  for (let round = 0; round < 3; round += 1) {
    const { task } = await worker.commands.requestScan('ann')
    await worker.reported('completed', task.id)
  }
  t.equal(worker.children.length, 1)
  await worker.stop()

  const hasty = await supervise(t, depot, 1, 0)
  const [child] = hasty.children
  if (child?.exitCode === null) await once(child, 'exit')
  t.equal(child?.exitCode, 0)
  t.same(hasty.crashes, [])
})

t.test('a scan requested while the scan process ends is run', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  const worker = await supervise(t, depot, 1, 0)
  for (let round = 0; round < 10; round += 1) {
    const { task } = await worker.commands.requestScan('ann')
    await worker.reported('completed', task.id)
    if (round % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  t.ok(worker.children.length > 1)
  t.same(worker.crashes, [])
})

t.test('the process for imports is started when an upload begins', async (t) => {
  const depot = await makeExportDepot(t)
  const worker = await supervise(t, depot, 1, 0)
  const [child] = worker.children
  if (child?.exitCode === null) await once(child, 'exit')
  const before = worker.children.length
  await worker.commands.beginUpload({ size: 1, taskId: undefined, requestedBy: 'ann' })
  t.equal(worker.children.length, before + 1)
  await t.rejects(
    worker.commands.beginUpload({ size: Number.MAX_SAFE_INTEGER, taskId: undefined, requestedBy: 'ann' }),
    {
      code: 'REPOSITORY_FULL'
    }
  )
  t.equal(worker.children.length, before + 1, 'a refused upload starts no process')
})

t.test('requests during a stop are answered, and start no worker', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  const worker = await supervise(t, depot, 1, 0)
  const [child] = worker.children
  if (child?.exitCode === null) await once(child, 'exit')
  const requests = [worker.commands.requestScan('ann'), worker.commands.requestExport(REQUEST)]
  const stopped = worker.stop()
  for (const request of requests) {
    const answer = await request.catch((error) => error)
    const isKept = 'task' in answer && (await depot.tasks.findTask(answer.task.id)) !== undefined
    t.ok(isKept || answer.code === 'WORKER_UNAVAILABLE', String(answer))
  }
  await stopped
  t.same([worker.threads.length, worker.children.length], [2, 1])
})

t.test('a canceled export is interrupted, and leaves no part', async (t) => {
  const depot = await largeDepot(t)
  const worker = await supervise(t, depot)
  const { task } = await worker.commands.requestExport(REQUEST)
  await worker.reported('started', task.id)
  t.same(await worker.commands.cancelTasks([task.id]), [{ taskId: task.id, isCanceledNow: true }])
  await worker.reported('dropped', task.id)
  t.match(await depot.tasks.findTask(task.id), { state: 'canceled', messages: [TASK_CANCELED] })
  t.same(depot.archives(), [])
  t.same(worker.crashes, [])
})
