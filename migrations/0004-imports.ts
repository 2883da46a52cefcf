import type { Kysely } from 'kysely'

/** Imports: the files that a job takes, and what it is about to change in the repository, so that a crash cannot leave it half changed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.schema
      .createTable('import_job')
      .addColumn('work_id', 'integer', (col) => col.primaryKey().references('work.id'))
      .addColumn('directory', 'text', (col) => col.notNull())
      .addColumn('is_replacing', 'integer', (col) => col.notNull())
      .addColumn('expires_at', 'integer')
      .execute()
    await trx.schema
      .createTable('import_file')
      .addColumn('work_id', 'integer', (col) => col.notNull().references('import_job.work_id').onDelete('cascade'))
      .addColumn('name', 'text', (col) => col.notNull())
      .addColumn('announced_size', 'integer', (col) => col.notNull())
      .addColumn('size', 'integer')
      .addColumn('crc32', 'integer')
      .addColumn('sha256', 'text')
      .addPrimaryKeyConstraint('import_file_key', ['work_id', 'name'])
      .execute()
    await trx.schema
      .createTable('import_change')
      .addColumn('work_id', 'integer', (col) => col.notNull().references('import_job.work_id').onDelete('cascade'))
      .addColumn('position', 'integer', (col) => col.notNull())
      .addColumn('path', 'text', (col) => col.notNull())
      .addColumn('staged', 'text')
      .addPrimaryKeyConstraint('import_change_key', ['work_id', 'position'])
      .execute()
  })
}
