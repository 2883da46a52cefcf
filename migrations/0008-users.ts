import { type Kysely, sql } from 'kysely'

/**
 * Users with their roles and tokens, and who has failed to log in. Sessions belong to users now: those of before have ended. The former
 * administrator's password stays where it is until the next start makes a user of it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await createUsers(trx)
    await createTokens(trx)
    await trx.schema
      .createTable('login_failure')
      .addColumn('key', 'text', (col) => col.primaryKey())
      .addColumn('failures', 'real', (col) => col.notNull())
      .addColumn('failed_at', 'integer', (col) => col.notNull())
      .execute()
    await trx.schema.createIndex('login_failure_by_time').on('login_failure').column('failed_at').execute()
    await createSessions(trx)
  })
}

async function createUsers(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('user')
    .addColumn('id', 'integer', (col) => col.primaryKey().autoIncrement())
    .addColumn('name', 'text', (col) => col.notNull().unique())
    .addColumn('role', 'text', (col) => col.notNull().check(sql`role in ('viewer', 'exporter', 'operator', 'admin')`))
    .addColumn('password_hash', 'text', (col) => col.notNull())
    .addColumn('version', 'integer', (col) => col.notNull().defaultTo(1))
    .addColumn('created_at', 'integer', (col) => col.notNull())
    .addColumn('password_changed_at', 'integer', (col) => col.notNull())
    .execute()
}

async function createTokens(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('token')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('user_id', 'integer', (col) => col.notNull().references('user.id').onDelete('cascade'))
    .addColumn('name', 'text', (col) => col.notNull())
    .addColumn('role', 'text', (col) => col.notNull().check(sql`role in ('viewer', 'exporter', 'operator', 'admin')`))
    .addColumn('secret_hash', 'text', (col) => col.notNull())
    .addColumn('created_at', 'integer', (col) => col.notNull())
    .addColumn('expires_at', 'integer')
    .addColumn('last_used_at', 'integer')
    .execute()
  await trx.schema.createIndex('token_by_user').on('token').column('user_id').execute()
}

async function createSessions(trx: Kysely<unknown>): Promise<void> {
  await trx.schema.dropTable('session').execute()
  await trx.schema
    .createTable('session')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('secret_hash', 'text', (col) => col.notNull())
    .addColumn('user_id', 'integer', (col) => col.notNull().references('user.id').onDelete('cascade'))
    .addColumn('user_name', 'text', (col) => col.notNull())
    .addColumn('address', 'text', (col) => col.notNull())
    .addColumn('created_at', 'integer', (col) => col.notNull())
    .addColumn('last_used_at', 'integer', (col) => col.notNull())
    .execute()
  await trx.schema.createIndex('session_by_use').on('session').column('last_used_at').execute()
  await trx.schema.createIndex('session_by_user').on('session').column('user_id').execute()
}
