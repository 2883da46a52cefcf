import { type Kysely, sql } from 'kysely'

/**
 * How fast a run is can be told from where it began, also after a restart. And tasks are numbered in the order in which they
 * end, so that whoever follows them can go on where he was.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.schema.alterTable('work').addColumn('run_started_at', 'integer').execute()
    await trx.schema
      .alterTable('work')
      .addColumn('run_started_bytes', 'integer', (col) => col.notNull().defaultTo(0))
      .execute()
    await trx.schema.alterTable('task').addColumn('end_number', 'integer').execute()
    await trx.schema.createIndex('task_by_end').on('task').column('end_number').execute()
    // Not the greatest number among the tasks: these are forgotten, and a number must not be given again.
    await trx.schema
      .createTable('task_count')
      .addColumn('ended', 'integer', (col) => col.notNull())
      .execute()
    await sql`insert into task_count (ended) values (0)`.execute(trx)
  })
}
