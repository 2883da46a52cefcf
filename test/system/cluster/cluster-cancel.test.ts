/** A task is canceled at one server while another server runs it, waits for its storage, and writes nothing. */
import t, { type Test } from 'tap'
import { TASK_CANCELED } from '../../../src/core/problems/message.ts'
import { openDepotDatabase } from '../../../src/store/engine/database.ts'
import { durableTransaction } from '../../../src/store/engine/transactions.ts'
import { cancelTask } from '../../../src/store/tasks/cancel-task.ts'
import { startGate } from '../../support/gate.ts'
import { hasStarted, makeCluster } from '../../support/servers/cluster.ts'
import { whyNoPostgres } from '../../support/servers/postgres.ts'
import { makeBucket, withoutS3 } from '../../support/servers/s3-server.ts'
import {
  type ServerOptions,
  type ServerProcess,
  spawnServer,
  startServer,
  until
} from '../../support/servers/server.ts'

const hasDropped = (worker: ServerProcess, taskid: number) =>
  worker
    .stdout()
    .split('\n')
    .some((line) => line.includes('task dropped') && line.includes(`"taskId":${taskid},`))

t.test('a cancellation reaches the server that runs the task', { skip: whyNoPostgres() ?? withoutS3 }, async (t) => {
  const { databaseUrl, optionsOf } = await makeCluster(t)
  const bucket = await makeBucket(t)
  const gate = await startGate(t, bucket.server.endpoint)
  const settings = (role: string): ServerOptions['settings'] => ({
    ...bucket.settings,
    FIXDEPOT_S3_ENDPOINT: gate.url,
    FIXDEPOT_ROLE: role
  })
  const worker = spawnServer(t, optionsOf('worker', settings('worker')))
  const front = await startServer(t, optionsOf('front', settings('api')))

  /** Starts a task that waits for its storage, cancels it, and waits until the worker has dropped it. */
  async function dropsCanceled(t: Test, fixid: string, cancel: (taskid: number) => Promise<unknown>): Promise<void> {
    gate.shut()
    const taskid = await front.export({ fixids: [fixid] })
    await until('the worker has started the task', () => hasStarted(taskid)(worker))
    await cancel(taskid)
    await until('the worker has dropped the task', () => hasDropped(worker, taskid))
    t.match(await front.status(taskid), { state: 'canceled' })
    gate.open()
    t.equal(
      (await front.finished(await front.export({ fixids: [fixid] }))).state,
      'complete',
      'the next export completes'
    )
  }

  await t.test('from another server', (t) =>
    dropsCanceled(t, 'small', async (taskid) => {
      t.equal((await front.call(`/tasks/${taskid}`, { method: 'DELETE' })).status, 200)
    })
  )

  await t.test('from a server that died before it notified its peers', (t) =>
    dropsCanceled(t, 'huge', async (taskid) => {
      const db = openDepotDatabase({ databaseFile: '', databaseUrl })
      const now = new Date()
      const outcome = await durableTransaction(db, (trx) => cancelTask(trx, taskid, { message: TASK_CANCELED, now }))
      await db.destroy()
      t.equal(outcome, 'canceled')
    })
  )
})
