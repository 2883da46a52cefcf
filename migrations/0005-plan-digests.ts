import { type Kysely, sql } from 'kysely'

/** What an archive holds can be told with its digests; of former plans, for the files that are still as they were. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.schema.alterTable('plan_entry').addColumn('sha256', 'text').execute()
    await sql`
      update plan_entry set sha256 = (
        select file.sha256 from file
        where (file.path, file.size, file.crc32, file.modified_at)
          = (plan_entry.path, plan_entry.size, plan_entry.crc32, plan_entry.modified_at)
      )`.execute(trx)
  })
}
