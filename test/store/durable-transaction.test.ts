import { sql } from 'kysely'
import t from 'tap'
import type { Depot } from '../../src/store/database.ts'
import { durableTransaction } from '../../src/store/durable-transaction.ts'
import { makeDepot } from '../helpers/depot.ts'

const [NORMAL, FULL] = [1, 2]

async function synchronous(db: Pick<Depot, 'getExecutor'>): Promise<number | undefined> {
  const { rows } = await sql<{ synchronous: number }>`pragma synchronous`.execute(db)
  return rows[0]?.synchronous
}

const insert = (db: Pick<Depot, 'insertInto'>, user_name: string) =>
  db.insertInto('credential').values({ user_name, password_hash: '' }).execute()

const users = async (db: Depot) => {
  const rows = await db.selectFrom('credential').select('user_name').orderBy('user_name').execute()
  return rows.map((row) => row.user_name)
}

t.test('the disk is waited for in the transaction, and not after it', async (t) => {
  const { db, connect } = await makeDepot(t)
  const result = await durableTransaction(db, async (trx) => {
    t.equal(await synchronous(trx), FULL)
    await insert(trx, 'kept')
    return 'result'
  })
  t.equal(result, 'result')
  t.equal(await synchronous(db), NORMAL)
  t.same(await users(connect()), ['kept'])
})

t.test('a transaction that fails changes nothing, and the connection is as before', async (t) => {
  const { db } = await makeDepot(t)
  const failing = durableTransaction(db, async (trx) => {
    await insert(trx, 'lost')
    throw new Error('not now')
  })
  await t.rejects(failing, /not now/)
  t.equal(await synchronous(db), NORMAL)
  t.same(await users(db), [])
})

t.test('those that are asked for at once run one after the other', async (t) => {
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
  t.same(await Promise.all(modes), [FULL, FULL, FULL, FULL])
  await between
  t.same(await users(db), [...names, 'e'])
})

t.test('what reads first can write then, since nobody else has written in between', async (t) => {
  const { db, connect } = await makeDepot(t)
  const other = connect()
  await sql`pragma busy_timeout = 0`.execute(other)
  await durableTransaction(db, async (trx) => {
    t.same(await trx.selectFrom('credential').selectAll().execute(), [])
    await t.rejects(insert(other, 'meanwhile'), { code: 'SQLITE_BUSY' })
    await insert(trx, 'kept')
  })
  t.same(await users(other), ['kept'])
})
