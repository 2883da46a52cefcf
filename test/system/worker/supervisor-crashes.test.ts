import { once } from 'node:events'
import fs from 'node:fs'
import { mock } from 'node:test'
import t from 'tap'
import { Problem } from '../../../src/core/problems/problem.ts'
import { listPackages, queueTask } from '../../support/depot.ts'
import { packageFiles, smallRepository } from '../../support/packages.ts'
import { until } from '../../support/servers/server.ts'
import { isPacked, largeDepot } from '../../support/worker/large-depot.ts'
import { EVERYTHING, makeExportDepot } from '../../support/worker/pack-queued.ts'
import { supervise } from '../../support/worker/supervised.ts'

const REQUEST = { selection: EVERYTHING, requestedBy: 'ann' }

t.test('an export thread that dies is replaced, and its export is resumed', async (t) => {
  const depot = await largeDepot(t)
  const worker = await supervise(t, depot)
  const { task } = await worker.commands.requestExport(REQUEST)
  await worker.reported('started', task.id)
  const crashed = worker.crashed()
  await worker.threads[1]?.terminate()
  await crashed
  t.match(worker.crashes, [{ part: 'export' }])
  const shared = await worker.commands.requestExport({ ...REQUEST, requestedBy: 'bob' })
  t.equal(shared.task.createdBy, 'bob', 'requests are accepted meanwhile')
  await worker.reported('completed', task.id, 1)
  await isPacked(t, depot, task)
  t.match(await depot.tasks.findTask(shared.task.id), { state: 'completed' })
  t.equal(worker.threads.length, 3)
})

t.test('a job that a worker claimed without a report before it died is queued again', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const worker = await supervise(t, depot)
  const claim = { state: 'running', lease_token: 1 } as const
  const unreported = await queueTask(depot.db, 'scan', { ...claim, lease_owner: depot.owner })
  const elsewhere = await queueTask(depot.db, 'scan', { ...claim, lease_owner: 'another owner' })
  const crashed = worker.crashed()
  await worker.threads[1]?.terminate()
  await crashed
  const stateOf = async (id: number) => (await depot.tasks.findTask(id))?.state
  await until('the job is queued again', async () => (await stateOf(unreported.id)) === 'queued')
  t.equal(await stateOf(elsewhere.id), 'running')
})

t.test('a command thread that dies is replaced; until then requests are refused', async (t) => {
  const depot = await largeDepot(t)
  const worker = await supervise(t, depot)
  const crashed = worker.crashed()
  await worker.threads[0]?.terminate()
  await crashed
  t.match(worker.crashes, [{ part: 'commands' }])
  const refusal = await worker.commands.requestExport(REQUEST).catch((error) => error)
  t.ok(refusal instanceof Problem)
  t.match(refusal, { code: 'WORKER_UNAVAILABLE', kind: 'unavailable', userMessage: { id: 'FQXHMUP9011L' } })
  await until('the command thread has been replaced', () => worker.threads.length === 3)
  const { task } = await worker.commands.requestExport(REQUEST)
  await worker.reported('completed', task.id)
})

t.test('an export during which the worker died three times fails, and leaves no part of its archive', async (t) => {
  const depot = await largeDepot(t)
  const accepted = await depot.accept()
  const { id } = accepted.task
  await depot.db.updateTable('job').set({ crashes: 2 }).execute()
  const worker = await supervise(t, depot)
  await worker.reported('started', id, 2)
  const crashed = worker.crashed()
  await worker.threads[1]?.terminate()
  await crashed
  // The part that a worker leaves which dies while it packs, independent of the moment of this crash.
  fs.writeFileSync(`${depot.archivePath(accepted)}.1.part`, 'half of it')
  const { failure } = await worker.reported('failed', id)
  t.match(failure, { text: /3 workers have died/, isExpected: false })
  const task = await depot.tasks.findTask(id)
  t.match(task, { state: 'failed', messages: [{ id: 'FQXHMUP9009L', recovery: new RegExp(`task ${id} in the log`) }] })
  t.same(depot.archives(), [])
})

t.test('an export that is canceled before it is resumed leaves no part', async (t) => {
  const depot = await largeDepot(t)
  const accepted = await depot.accept()
  fs.writeFileSync(`${depot.archivePath(accepted)}.1.part`, 'half of it')
  const worker = await supervise(t, depot, 0)
  await worker.commands.cancelTasks([accepted.task.id])
  await until('the part is removed', () => depot.archives().length === 0)
  t.equal((await depot.tasks.findTask(accepted.task.id))?.state, 'canceled')
})

t.test('a scan process that dies is replaced, and its scan is run again', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  const { id } = await queueTask(depot.db, 'scan')
  const worker = await supervise(t, depot)
  await worker.reported('started', id)
  worker.children[0]?.kill('SIGKILL')
  await worker.reported('completed', id, 1)
  t.match(worker.crashes, [{ part: 'catalog', error: /SIGKILL/ }])
  t.equal((await listPackages(depot.db)).length, 5)
})

t.test('a scan process that cannot be started is reported as a crash, and started again', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  const { execPath } = process
  process.execPath = '/nonexistent/node'
  const worker = await supervise(t, depot).finally(() => {
    process.execPath = execPath
  })
  if (worker.crashes.length === 0) await worker.crashed()
  t.match(worker.crashes, [{ part: 'catalog', error: { code: 'ENOENT' } }])
  const scan = await worker.commands.requestScan('ann')
  await worker.reported('completed', scan.task.id)
  t.equal((await listPackages(depot.db)).length, 5)
})

t.test('no worker is started after a stop that comes when a worker has just died', async (t) => {
  const depot = await largeDepot(t)
  const worker = await supervise(t, depot)
  const { task } = await worker.commands.requestExport(REQUEST)
  await worker.reported('started', task.id)
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const stopped = worker.crashed().then(() => worker.stop())
  await worker.threads[1]?.terminate()
  await stopped
  // The answer comes after those of all earlier queries.
  t.match((await depot.tasks.findTask(task.id))?.state, /^(running|queued)$/)
  await new Promise((resolve) => setImmediate(resolve))
  mock.timers.tick(600_000)
  t.equal(worker.threads.length, 2)
})

t.test('a scan process ends when its supervisor is gone, and ignores SIGINT and SIGTERM', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  const { id } = await queueTask(depot.db, 'scan')
  const worker = await supervise(t, depot, 1, 0)
  await worker.reported('started', id)
  const [child] = worker.children
  child?.kill('SIGINT')
  child?.kill('SIGTERM')
  await worker.reported('completed', id)
  t.same(worker.crashes, [])
  if (child?.exitCode === null) await once(child, 'exit')
  t.equal(child?.exitCode, 0)

  depot.write(packageFiles({ fixid: 'new', payload: 'to be read' }))
  const next = await worker.commands.requestScan('ann')
  await worker.reported('started', next.task.id)
  worker.children[1]?.disconnect()
  await worker.crashed()
  t.match(worker.crashes, [{ part: 'catalog', error: /code 1/ }])
})
