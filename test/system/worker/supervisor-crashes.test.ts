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

t.test('a thread that packs and dies is replaced, and its export goes on', async (t) => {
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

t.test('what a part had claimed when it died, and not told of yet, waits again', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const worker = await supervise(t, depot)
  const claim = { state: 'running', lease_token: 1 } as const
  const unreported = await queueTask(depot.db, 'scan', { ...claim, lease_owner: depot.owner })
  const elsewhere = await queueTask(depot.db, 'scan', { ...claim, lease_owner: 'somebody else' })
  const crashed = worker.crashed()
  await worker.threads[1]?.terminate()
  await crashed
  const stateOf = async (id: number) => (await depot.tasks.findTask(id))?.state
  await until('it waits again', async () => (await stateOf(unreported.id)) === 'queued')
  t.equal(await stateOf(elsewhere.id), 'running')
})

t.test('a desk that dies is replaced; until then requests are refused', async (t) => {
  const depot = await largeDepot(t)
  const worker = await supervise(t, depot)
  const crashed = worker.crashed()
  await worker.threads[0]?.terminate()
  await crashed
  t.match(worker.crashes, [{ part: 'commands' }])
  const refusal = await worker.commands.requestExport(REQUEST).catch((error) => error)
  t.ok(refusal instanceof Problem)
  t.match(refusal, { code: 'WORKER_UNAVAILABLE', kind: 'unavailable', userMessage: { id: 'FQXHMUP9011L' } })
  await until('there is a desk again', () => worker.threads.length === 3)
  const { task } = await worker.commands.requestExport(REQUEST)
  await worker.reported('completed', task.id)
})

t.test('an export during which the worker died three times fails, and nothing is left of its archive', async (t) => {
  const depot = await largeDepot(t)
  const accepted = await depot.accept()
  const { id } = accepted.task
  await depot.db.updateTable('job').set({ crashes: 2 }).execute()
  const worker = await supervise(t, depot)
  await worker.reported('started', id, 2)
  const crashed = worker.crashed()
  await worker.threads[1]?.terminate()
  await crashed
  // Wherever it died: as much as one that dies in the midst leaves behind.
  fs.writeFileSync(`${depot.archivePath(accepted)}.1.part`, 'half of it')
  const { failure } = await worker.reported('failed', id)
  t.match(failure, { text: /3 workers have died/, isExpected: false })
  const task = await depot.tasks.findTask(id)
  t.match(task, { state: 'failed', messages: [{ id: 'FQXHMUP9009L', recovery: new RegExp(`task ${id} in the log`) }] })
  t.same(depot.archives(), [])
})

t.test('an export that is canceled while it waits to go on leaves nothing', async (t) => {
  const depot = await largeDepot(t)
  const accepted = await depot.accept()
  fs.writeFileSync(`${depot.archivePath(accepted)}.1.part`, 'half of it')
  const worker = await supervise(t, depot, 0)
  await worker.commands.cancelTasks([accepted.task.id])
  await until('its part is gone', () => depot.archives().length === 0)
  t.equal((await depot.tasks.findTask(accepted.task.id))?.state, 'canceled')
})

t.test('a scan process that dies is replaced, and its scan tried again', async (t) => {
  const depot = await makeExportDepot(t, smallRepository())
  const { id } = await queueTask(depot.db, 'scan')
  const worker = await supervise(t, depot)
  await worker.reported('started', id)
  worker.children[0]?.kill('SIGKILL')
  await worker.reported('completed', id, 1)
  t.match(worker.crashes, [{ part: 'catalog', error: /SIGKILL/ }])
  t.equal((await listPackages(depot.db)).length, 5)
})

t.test('a scan process that cannot be started is told as a crash, and tried again', async (t) => {
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

t.test('nothing is started after a stop that comes when a lane has just died', async (t) => {
  const depot = await largeDepot(t)
  const worker = await supervise(t, depot)
  const { task } = await worker.commands.requestExport(REQUEST)
  await worker.reported('started', task.id)
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const stopped = worker.crashed().then(() => worker.stop())
  await worker.threads[1]?.terminate()
  await stopped
  // Comes after all that was asked of the database before.
  t.match((await depot.tasks.findTask(task.id))?.state, /^(running|queued)$/)
  await new Promise((resolve) => setImmediate(resolve))
  mock.timers.tick(600_000)
  t.equal(worker.threads.length, 2)
})

t.test('a scan process ends when its supervisor is gone, and not when a terminal is interrupted', async (t) => {
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
