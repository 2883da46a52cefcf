import type { Kysely } from 'kysely'

/** How many deletions there were, so that who has looked at the repository before one knows it; and the packages that an import changes. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.schema
      .alterTable('catalog')
      .addColumn('deletions', 'integer', (col) => col.notNull().defaultTo(0))
      .execute()
    await trx.schema
      .createTable('import_package')
      .addColumn('work_id', 'integer', (col) => col.notNull().references('import_job.work_id').onDelete('cascade'))
      .addColumn('fixid', 'text', (col) => col.notNull())
      .addPrimaryKeyConstraint('import_package_key', ['work_id', 'fixid'])
      .execute()
  })
}
