import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'

/** Sessions, of whose secrets only a keyed hash is kept; and the name under which this depot is known among others. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.schema
      .createTable('session')
      .addColumn('id', 'text', (col) => col.primaryKey())
      .addColumn('secret_hash', 'text', (col) => col.notNull())
      .addColumn('user_name', 'text', (col) => col.notNull())
      .addColumn('address', 'text', (col) => col.notNull())
      .addColumn('created_at', 'integer', (col) => col.notNull())
      .addColumn('last_used_at', 'integer', (col) => col.notNull())
      .execute()
    await trx.schema.createIndex('session_by_use').on('session').column('last_used_at').execute()
    await trx.schema
      .createTable('identity')
      .addColumn('id', 'integer', (col) => col.primaryKey().check(sql`id = 1`))
      .addColumn('uuid', 'text', (col) => col.notNull())
      .execute()
    await sql`insert into identity (id, uuid) values (1, ${randomUUID()})`.execute(trx)
  })
}
