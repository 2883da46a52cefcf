import { type Kysely, PostgresAdapter, sql } from 'kysely'

/** The audit trail, to which rows are added and nothing else: each follows the one before it, and stays as it is. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.schema
      .createTable('audit')
      .addColumn('number', 'integer', (col) => col.primaryKey())
      .addColumn('time', 'text', (col) => col.notNull())
      .addColumn('user', 'text', (col) => col.notNull())
      .addColumn('credential', 'text', (col) => col.notNull())
      .addColumn('address', 'text', (col) => col.notNull())
      .addColumn('request_id', 'text', (col) => col.notNull())
      .addColumn('action', 'text', (col) => col.notNull())
      .addColumn('targets', 'text', (col) => col.notNull())
      .addColumn('status', 'integer', (col) => col.notNull())
      .addColumn('problem', 'text', (col) => col.notNull())
      .addColumn('count', 'integer', (col) => col.notNull())
      .addColumn('previous_hash', 'text', (col) => col.notNull())
      .addColumn('hash', 'text', (col) => col.notNull())
      .execute()
    await trx.schema.createIndex('audit_by_time').on('audit').column('time').execute()
    await trx.schema.createIndex('audit_by_user').on('audit').column('user').execute()
    await trx.schema.createIndex('audit_by_action').on('audit').column('action').execute()
    if (trx.getExecutor().adapter instanceof PostgresAdapter) await createTriggersInPostgres(trx)
    else await createTriggersInSqlite(trx)
  })
}

async function createTriggersInSqlite(trx: Kysely<unknown>): Promise<void> {
  await sql`create trigger audit_stays_as_it_is before update on audit
    begin select raise(abort, 'the audit trail is append-only'); end`.execute(trx)
  await sql`create trigger audit_stays_whole before delete on audit
    begin select raise(abort, 'the audit trail is append-only'); end`.execute(trx)
  // Also for REPLACE, which takes rows away without a trigger of theirs.
  await sql`create trigger audit_grows_at_its_end before insert on audit
    when new.number is not (select coalesce(max(number), 0) + 1 from audit)
      or new.previous_hash is not coalesce((select hash from audit where number = new.number - 1), ${sql.lit('0'.repeat(64))})
    begin select raise(abort, 'the audit trail is append-only'); end`.execute(trx)
}

async function createTriggersInPostgres(trx: Kysely<unknown>): Promise<void> {
  await sql`create function audit_refuses() returns trigger language plpgsql as ${sql.lit(
    "begin raise exception 'the audit trail is append-only'; end"
  )}`.execute(trx)
  await sql`create function audit_appends() returns trigger language plpgsql as ${sql.lit(`begin
    if new.number is distinct from (select coalesce(max(number), 0) + 1 from audit)
      or new.previous_hash is distinct from
        coalesce((select hash from audit where number = new.number - 1), '${'0'.repeat(64)}')
    then raise exception 'the audit trail is append-only';
    end if;
    return new;
  end`)}`.execute(trx)
  await sql`create trigger audit_stays_as_it_is before update on audit
    for each row execute function audit_refuses()`.execute(trx)
  await sql`create trigger audit_stays_whole before delete or truncate on audit
    for each statement execute function audit_refuses()`.execute(trx)
  await sql`create trigger audit_grows_at_its_end before insert on audit
    for each row execute function audit_appends()`.execute(trx)
}
