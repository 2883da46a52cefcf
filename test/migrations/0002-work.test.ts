import fs from 'node:fs'
import path from 'node:path'
import { type Kysely, sql } from 'kysely'
import t, { type Test } from 'tap'
import * as first from '../../migrations/0001-depot.ts'
import * as second from '../../migrations/0002-work.ts'
import * as third from '../../migrations/0003-sessions.ts'
import * as fourth from '../../migrations/0004-imports.ts'
import * as fifth from '../../migrations/0005-plan-digests.ts'
import * as sixth from '../../migrations/0006-task-progress.ts'
import * as seventh from '../../migrations/0007-deflations.ts'
import { createArchiveStore } from '../../src/store/archive-store.ts'
import { type Depot, openDatabase } from '../../src/store/database.ts'
import { createTaskStore } from '../../src/store/task-store.ts'
import { createWorkStore } from '../../src/store/work-store.ts'
import { queueTask } from '../helpers/depot.ts'

const FINISHED = 1_767_000_000_000

/** A database of the first version, with a task in each state. */
async function oldDatabase(t: Test): Promise<Depot> {
  const db = openDatabase({ file: path.join(fs.realpathSync(t.testdir()), 'depot.db') })
  t.teardown(() => db.destroy())
  await first.up(db as unknown as Kysely<unknown>)
  const plans = ['equal', 'equal', 'running', 'failed', 'queued']
  for (const [index, digest] of plans.entries()) {
    await sql`insert into plan (id, digest, package_count, entry_count, directory_offset, archive_size)
      values (${index + 1}, ${digest}, 1, 1, 50, 100)`.execute(db)
  }
  const tasks = [
    ['completed', 1],
    ['completed', 2],
    ['running', 3],
    ['failed', 4],
    ['queued', 5]
  ] as const
  for (const [state, plan] of tasks) {
    const hasEnded = state === 'completed' || state === 'failed'
    await sql`insert into task (id, kind, state, plan_id, archive_name, packages_total, bytes_total, bytes_done, created_by, created_at, finished_at)
      values (${10 + plan}, 'export', ${state}, ${plan}, ${`repository2026010203040${plan}.zip`}, 1, 100, ${hasEnded ? 100 : 0},
        'ann', 1, ${hasEnded ? FINISHED : null})`.execute(db)
  }
  await sql`insert into task (id, kind, state, created_by, created_at) values (40, 'scan', 'completed', 'bob', 1)`.execute(
    db
  )
  await sql`delete from task where id = 40`.execute(db)
  await sql`insert into task_message (task_id, position, message_id, text, explanation, recovery)
    values (11, 0, 'FQXHMUP2500I', 'done', '', ''), (13, 1, 'FQXHMUP9102F', 'a note', '', '')`.execute(db)
  return db
}

/** What reads the database afterwards is of the present. */
async function migrate(db: Depot): Promise<void> {
  for (const { up } of [second, third, fourth, fifth, sixth, seventh]) await up(db as unknown as Kysely<unknown>)
}

t.test('tasks keep their ids, states, names and messages, and what ran waits again', async (t) => {
  const db = await oldDatabase(t)
  await migrate(db)
  const tasks = createTaskStore(db)
  t.match(await tasks.findTask(11), {
    state: 'completed',
    bytesDone: 100,
    archiveName: 'repository20260102030401.zip',
    createdBy: 'ann',
    finishedAt: new Date(FINISHED),
    messages: [{ id: 'FQXHMUP2500I', text: 'done' }]
  })
  t.match(await tasks.findTask(13), { state: 'queued', messages: [{ text: 'a note' }] })
  t.match(await tasks.findTask(14), { state: 'failed', bytesDone: 100 })
  t.same(
    (await tasks.liveTasks(undefined, 10)).map(({ id }) => id),
    [13, 15]
  )
  t.same((await sql`pragma foreign_key_check`.execute(db)).rows, [])
  t.match(await createWorkStore(db).claimNext(['export'], 'tester', new Date()), { taskId: 13, planId: 3 })
})

t.test('an id that was given out before is not given out again', async (t) => {
  const db = await oldDatabase(t)
  await migrate(db)
  t.ok((await queueTask(db, 'scan')).id > 40)
})

t.test('archives can still be had, and of equal ones the newest is shared', async (t) => {
  const db = await oldDatabase(t)
  await migrate(db)
  const archives = createArchiveStore(db)
  for (const plan of [1, 2]) {
    t.match(await archives.findArchive(`repository2026010203040${plan}.zip`), {
      state: 'kept',
      keptUntil: new Date(FINISHED + 7 * 86_400_000)
    })
  }
  t.match(await archives.findShared('equal'), { planId: 2, state: 'kept' })
  t.match(await archives.findShared('running'), { planId: 3, state: 'pending' })
  t.equal(await archives.findShared('failed'), undefined)
})
