import { sql } from 'kysely'
import t from 'tap'
import { makeDepot } from '../../../support/depot.ts'
import { ONLY_SQLITE } from '../../../support/engines.ts'

t.test('what ended a transaction is told, also when SQLite has rolled it back already', ONLY_SQLITE, async (t) => {
  const { db } = await makeDepot(t)
  await sql`create temporary table number (value integer primary key)`.execute(db)
  const failing = db.transaction().execute(async (trx) => {
    await sql`insert into number values (1)`.execute(trx)
    await sql`insert or rollback into number values (1)`.execute(trx)
  })
  await t.rejects(failing, { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' })
  t.same((await sql`select * from number`.execute(db)).rows, [])
})

t.test('a transaction that fails otherwise is rolled back', async (t) => {
  const { db } = await makeDepot(t)
  await sql`create temporary table number (value integer primary key)`.execute(db)
  const failing = db.transaction().execute(async (trx) => {
    await sql`insert into number values (1)`.execute(trx)
    throw new Error('no more')
  })
  await t.rejects(failing, { message: 'no more' })
  t.same((await sql`select * from number`.execute(db)).rows, [])
})
