import { sql } from 'kysely'
import { isRetryable } from '../../../../src/core/problems/database-error.ts'
import type { Database } from '../../../../src/store/engine/database.ts'
import { isPostgres } from '../../../../src/store/engine/dialect.ts'
import { durableTransaction, writeTransaction } from '../../../../src/store/engine/transactions.ts'
import { makeDepot } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

/** PostgreSQL has no modes: each commit waits for the disk. */
const MODES = { SQLite: [1, 2], PostgreSQL: [undefined, undefined] } as const

async function synchronous(db: Pick<Database, 'getExecutor'>): Promise<number | undefined> {
  if (isPostgres(db)) return undefined
  const { rows } = await sql<{ synchronous: number }>`pragma synchronous`.execute(db)
  return rows[0]?.synchronous
}

const insert = (db: Pick<Database, 'insertInto'>, key: string) =>
  db.insertInto('login_failure').values({ key, failures: 1, failed_at: 1 }).execute()

const keys = async (db: Database) => {
  const rows = await db.selectFrom('login_failure').select('key').orderBy('key').execute()
  return rows.map((row) => row.key)
}

testOnBoth('a durable transaction is synchronous, and the connection is not after it', async (t, engine) => {
  const { db, connect } = await makeDepot(t)
  const [NORMAL, FULL] = MODES[engine]
  const result = await durableTransaction(db, async (trx) => {
    t.equal(await synchronous(trx), FULL)
    await insert(trx, 'kept')
    return 'result'
  })
  t.equal(result, 'result')
  t.equal(await synchronous(db), NORMAL)
  t.same(await keys(connect()), ['kept'])
})

testOnBoth('a failed transaction changes nothing, and the connection is as before', async (t, engine) => {
  const { db } = await makeDepot(t)
  const failing = durableTransaction(db, async (trx) => {
    await insert(trx, 'lost')
    throw new Error('not now')
  })
  await t.rejects(failing, /not now/)
  t.equal(await synchronous(db), MODES[engine][0])
  t.same(await keys(db), [])
})

testOnBoth('concurrent durable transactions of a connection run one after the other', async (t, engine) => {
  const { db } = await makeDepot(t)
  const names = ['a', 'b', 'c', 'd']
  const modes = names.map((name) =>
    durableTransaction(db, async (trx) => {
      await insert(trx, name)
      await new Promise((resolve) => setImmediate(resolve))
      return synchronous(trx)
    })
  )
  const between = insert(db, 'e')
  t.same(await Promise.all(modes), Array(4).fill(MODES[engine][1]))
  await between
  t.same(await keys(db), [...names, 'e'])
})

testOnBoth('a write transaction can write after it has read, without a conflict', async (t, engine) => {
  const { db, connect } = await makeDepot(t)
  const other = connect()
  await (engine === 'SQLite' ? sql`pragma busy_timeout = 0` : sql`set lock_timeout = 1`).execute(other)
  await durableTransaction(db, async (trx) => {
    t.same(await trx.selectFrom('login_failure').selectAll().execute(), [])
    const meanwhile = writeTransaction(other, (trx) => insert(trx, 'meanwhile'))
    t.ok(isRetryable(await meanwhile.catch((error) => error)))
    await insert(trx, 'kept')
  })
  t.same(await keys(other), ['kept'])
})
