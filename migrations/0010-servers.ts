import type { Kysely } from 'kysely'

/** The servers that share a database, each with a count that shows that it lives; and the uploads that each of them receives. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.schema
      .createTable('server')
      .addColumn('id', 'text', (col) => col.primaryKey())
      .addColumn('node', 'text', (col) => col.notNull())
      .addColumn('archives', 'text', (col) => col.notNull())
      .addColumn('beat', 'integer', (col) => col.notNull())
      .execute()
    await trx.schema
      .createTable('upload')
      .addColumn('directory', 'text', (col) => col.primaryKey())
      .addColumn('owner', 'text', (col) => col.notNull())
      .addColumn('bytes', 'integer', (col) => col.notNull())
      .execute()
  })
}
