import type { Kysely } from 'kysely'

/** Which contents are worth deflating, and what their deflated form is; and which entries of a plan are packed in it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.schema
      .createTable('deflation')
      .addColumn('sha256', 'text', (col) => col.primaryKey())
      .addColumn('deflated_size', 'integer')
      .addColumn('deflated_crc32', 'integer')
      .execute()
    await trx.schema.alterTable('plan_entry').addColumn('deflated_size', 'integer').execute()
    await trx.schema.alterTable('plan_entry').addColumn('deflated_crc32', 'integer').execute()
  })
}
