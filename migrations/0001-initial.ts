import { randomUUID } from 'node:crypto'
import { type Kysely, PostgresAdapter, sql } from 'kysely'

/** The whole schema. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await createCatalog(trx)
    await createPackages(trx)
    await createFiles(trx)
    await createPackageDetails(trx)
    await createPlans(trx)
    await createJobs(trx)
    await createTasks(trx)
    await createImports(trx)
    await createUsers(trx)
    await createSessions(trx)
    await createAudit(trx)
    await createServers(trx)
  })
}

async function createCatalog(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('catalog')
    .addColumn('id', 'integer', (col) => col.primaryKey().check(sql`id = 1`))
    .addColumn('read_at', 'integer')
    .addColumn('is_current', 'integer', (col) => col.notNull())
    .addColumn('deletions', 'integer', (col) => col.notNull().defaultTo(0))
    .execute()
  await sql`insert into catalog (id, read_at, is_current) values (1, null, 0)`.execute(db)

  await db.schema
    .createTable('file_index')
    .addColumn('path', 'text', (col) => col.primaryKey())
    .addColumn('stamp', 'text', (col) => col.notNull())
    .addColumn('crc32', 'integer', (col) => col.notNull())
    .addColumn('sha256', 'text', (col) => col.notNull())
    .addColumn('contents', 'text')
    .addColumn('reader_version', 'integer', (col) => col.notNull())
    .modifyEnd(sql`without rowid`)
    .execute()

  await db.schema
    .createTable('catalog_problem')
    .addColumn('path', 'text', (col) => col.notNull())
    .addColumn('code', 'text', (col) => col.notNull())
    .addColumn('text', 'text', (col) => col.notNull())
    .addPrimaryKeyConstraint('catalog_problem_key', ['path', 'code', 'text'])
    .modifyEnd(sql`without rowid`)
    .execute()
}

async function createPackages(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('package')
    .addColumn('id', 'integer', (col) => col.primaryKey())
    .addColumn('fixid', 'text', (col) => col.notNull().unique())
    .addColumn('kind', 'text', (col) => col.notNull())
    .addColumn('form', 'text', (col) => col.notNull())
    .addColumn('name', 'text', (col) => col.notNull())
    .addColumn('version', 'text', (col) => col.notNull())
    .addColumn('build_number', 'text', (col) => col.notNull())
    .addColumn('category', 'text', (col) => col.notNull())
    .addColumn('vendor', 'text', (col) => col.notNull())
    .addColumn('description', 'text', (col) => col.notNull())
    .addColumn('severity', 'text', (col) => col.notNull())
    .addColumn('release_date', 'text', (col) => col.notNull())
    .addColumn('update_type', 'text', (col) => col.notNull())
    .addColumn('reboot_required', 'text', (col) => col.notNull())
    .addColumn('payload_state', 'text', (col) => col.notNull())
    .addColumn('metadata_path', 'text', (col) => col.notNull())
    .addColumn('product_line', 'text', (col) => col.notNull())
    .addColumn('version_key', 'text', (col) => col.notNull())
    .addColumn('fingerprint', 'text', (col) => col.notNull())
    .execute()
  await db.schema
    .createIndex('package_by_product_line')
    .on('package')
    .columns(['product_line', 'version_key', 'release_date', 'fixid'])
    .execute()
  await db.schema.createIndex('package_by_kind').on('package').columns(['kind', 'fixid']).execute()
}

async function createFiles(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('file')
    .addColumn('id', 'integer', (col) => col.primaryKey())
    .addColumn('path', 'text', (col) => col.notNull().unique())
    .addColumn('size', 'integer', (col) => col.notNull())
    .addColumn('crc32', 'integer', (col) => col.notNull())
    .addColumn('sha256', 'text', (col) => col.notNull())
    .addColumn('modified_at', 'integer', (col) => col.notNull())
    .execute()

  await db.schema
    .createTable('package_file')
    .addColumn('package_id', 'integer', (col) => col.notNull().references('package.id').onDelete('cascade'))
    .addColumn('file_id', 'integer', (col) => col.notNull().references('file.id'))
    .addColumn('role', 'text', (col) => col.notNull())
    .addPrimaryKeyConstraint('package_file_key', ['package_id', 'file_id'])
    .modifyEnd(sql`without rowid`)
    .execute()
  await db.schema.createIndex('package_file_by_file').on('package_file').column('file_id').execute()
}

async function createPackageDetails(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('package_machine_type')
    .addColumn('machine_type', 'text', (col) => col.notNull())
    .addColumn('package_id', 'integer', (col) => col.notNull().references('package.id').onDelete('cascade'))
    .addColumn('name', 'text', (col) => col.notNull())
    .addPrimaryKeyConstraint('package_machine_type_key', ['machine_type', 'package_id'])
    .modifyEnd(sql`without rowid`)
    .execute()
  await db.schema
    .createIndex('package_machine_type_by_package')
    .on('package_machine_type')
    .column('package_id')
    .execute()

  for (const table of ['package_member', 'package_requisite']) {
    await db.schema
      .createTable(table)
      .addColumn('package_id', 'integer', (col) => col.notNull().references('package.id').onDelete('cascade'))
      .addColumn('position', 'integer', (col) => col.notNull())
      .addColumn('fixid', 'text', (col) => col.notNull())
      .addColumn('kind', 'text', (col) => col.notNull())
      .addPrimaryKeyConstraint(`${table}_key`, ['package_id', 'position'])
      .modifyEnd(sql`without rowid`)
      .execute()
    await db.schema.createIndex(`${table}_by_fixid`).on(table).columns(['fixid', 'kind']).execute()
  }

  await db.schema
    .createTable('package_property')
    .addColumn('package_id', 'integer', (col) => col.notNull().references('package.id').onDelete('cascade'))
    .addColumn('name', 'text', (col) => col.notNull())
    .addColumn('position', 'integer', (col) => col.notNull())
    .addColumn('value', 'text', (col) => col.notNull())
    .addPrimaryKeyConstraint('package_property_key', ['package_id', 'name', 'position'])
    .modifyEnd(sql`without rowid`)
    .execute()
}

async function createPlans(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('plan')
    .addColumn('id', 'integer', (col) => col.primaryKey())
    .addColumn('digest', 'text', (col) => col.notNull())
    .addColumn('package_count', 'integer', (col) => col.notNull())
    .addColumn('entry_count', 'integer', (col) => col.notNull())
    .addColumn('directory_offset', 'integer', (col) => col.notNull())
    .addColumn('archive_size', 'integer', (col) => col.notNull())
    .addColumn('archive_name', 'text')
    .addColumn('archive_state', 'text', (col) => col.notNull().defaultTo('none'))
    .addColumn('kept_until', 'integer')
    .execute()
  await db.schema.createIndex('plan_by_archive').unique().on('plan').column('archive_name').execute()
  // Equal exports share one archive.
  await db.schema
    .createIndex('plan_by_digest')
    .unique()
    .on('plan')
    .column('digest')
    .where(sql<boolean>`archive_state in ('pending', 'kept')`)
    .execute()

  await db.schema
    .createTable('plan_entry')
    .addColumn('plan_id', 'integer', (col) => col.notNull().references('plan.id').onDelete('cascade'))
    .addColumn('position', 'integer', (col) => col.notNull())
    .addColumn('path', 'text', (col) => col.notNull())
    .addColumn('size', 'integer', (col) => col.notNull())
    .addColumn('crc32', 'integer', (col) => col.notNull())
    .addColumn('modified_at', 'integer', (col) => col.notNull())
    .addColumn('offset', 'integer', (col) => col.notNull())
    .addColumn('fixid', 'text', (col) => col.notNull())
    .addColumn('packages_done', 'integer', (col) => col.notNull())
    .addColumn('sha256', 'text', (col) => col.notNull())
    .addPrimaryKeyConstraint('plan_entry_key', ['plan_id', 'position'])
    .modifyEnd(sql`without rowid`)
    .execute()
}

async function createJobs(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('job')
    .addColumn('id', 'integer', (col) => col.primaryKey().autoIncrement())
    .addColumn('kind', 'text', (col) => col.notNull())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('plan_id', 'integer', (col) => col.references('plan.id'))
    .addColumn('packages_done', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('packages_total', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('bytes_done', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('bytes_total', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('checkpoint_offset', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('checkpoint_position', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('checkpoint_crc32', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('lease_owner', 'text')
    .addColumn('lease_token', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('lease_heartbeat', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('crashes', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('started_at', 'integer')
    .addColumn('run_started_at', 'integer')
    .addColumn('run_started_bytes', 'integer', (col) => col.notNull().defaultTo(0))
    .execute()
  await db.schema.createIndex('job_by_state').on('job').columns(['state', 'kind', 'id']).execute()
  await db.schema.createIndex('job_by_plan').on('job').column('plan_id').execute()
}

async function createTasks(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('task')
    // Autoincrement: an id is never used again, not even after its row is deleted.
    .addColumn('id', 'integer', (col) => col.primaryKey().autoIncrement())
    .addColumn('kind', 'text', (col) => col.notNull())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('job_id', 'integer', (col) => col.notNull().references('job.id'))
    .addColumn('packages_done', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('packages_total', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('bytes_done', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('bytes_total', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('created_by', 'text', (col) => col.notNull())
    .addColumn('created_at', 'integer', (col) => col.notNull())
    .addColumn('finished_at', 'integer')
    .addColumn('end_number', 'integer')
    .execute()
  await db.schema.createIndex('task_by_state').on('task').columns(['state', 'kind', 'id']).execute()
  await db.schema.createIndex('task_by_job').on('task').columns(['job_id', 'state']).execute()
  await db.schema.createIndex('task_by_end').on('task').column('end_number').execute()

  // The greatest end number in `task` is not enough: tasks are deleted, and an end number is never used again.
  await db.schema
    .createTable('task_count')
    .addColumn('ended', 'integer', (col) => col.notNull())
    .execute()
  await sql`insert into task_count (ended) values (0)`.execute(db)

  await db.schema
    .createTable('task_message')
    .addColumn('task_id', 'integer', (col) => col.notNull().references('task.id').onDelete('cascade'))
    .addColumn('position', 'integer', (col) => col.notNull())
    .addColumn('message_id', 'text', (col) => col.notNull())
    .addColumn('text', 'text', (col) => col.notNull())
    .addColumn('explanation', 'text', (col) => col.notNull())
    .addColumn('recovery', 'text', (col) => col.notNull())
    .addPrimaryKeyConstraint('task_message_key', ['task_id', 'position'])
    .modifyEnd(sql`without rowid`)
    .execute()
}

async function createImports(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('import_job')
    .addColumn('job_id', 'integer', (col) => col.primaryKey().references('job.id'))
    .addColumn('directory', 'text', (col) => col.notNull())
    .addColumn('is_replacing', 'integer', (col) => col.notNull())
    .addColumn('expires_at', 'integer')
    .execute()
  await db.schema
    .createTable('import_file')
    .addColumn('job_id', 'integer', (col) => col.notNull().references('import_job.job_id').onDelete('cascade'))
    .addColumn('name', 'text', (col) => col.notNull())
    .addColumn('announced_size', 'integer', (col) => col.notNull())
    .addColumn('size', 'integer')
    .addColumn('crc32', 'integer')
    .addColumn('sha256', 'text')
    .addPrimaryKeyConstraint('import_file_key', ['job_id', 'name'])
    .execute()
  await db.schema
    .createTable('import_change')
    .addColumn('job_id', 'integer', (col) => col.notNull().references('import_job.job_id').onDelete('cascade'))
    .addColumn('position', 'integer', (col) => col.notNull())
    .addColumn('path', 'text', (col) => col.notNull())
    .addColumn('staged', 'text')
    .addPrimaryKeyConstraint('import_change_key', ['job_id', 'position'])
    .execute()
  await db.schema
    .createTable('import_package')
    .addColumn('job_id', 'integer', (col) => col.notNull().references('import_job.job_id').onDelete('cascade'))
    .addColumn('fixid', 'text', (col) => col.notNull())
    .addPrimaryKeyConstraint('import_package_key', ['job_id', 'fixid'])
    .execute()
}

async function createUsers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('user')
    .addColumn('id', 'integer', (col) => col.primaryKey().autoIncrement())
    .addColumn('name', 'text', (col) => col.notNull().unique())
    .addColumn('role', 'text', (col) => col.notNull().check(sql`role in ('viewer', 'exporter', 'operator', 'admin')`))
    .addColumn('password_hash', 'text', (col) => col.notNull())
    .addColumn('version', 'integer', (col) => col.notNull().defaultTo(1))
    .addColumn('created_at', 'integer', (col) => col.notNull())
    .addColumn('password_changed_at', 'integer', (col) => col.notNull())
    .execute()

  await db.schema
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
  await db.schema.createIndex('token_by_user').on('token').column('user_id').execute()
}

async function createSessions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('login_failure')
    .addColumn('key', 'text', (col) => col.primaryKey())
    .addColumn('failures', 'real', (col) => col.notNull())
    .addColumn('failed_at', 'integer', (col) => col.notNull())
    .execute()
  await db.schema.createIndex('login_failure_by_time').on('login_failure').column('failed_at').execute()

  await db.schema
    .createTable('session')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('secret_hash', 'text', (col) => col.notNull())
    .addColumn('user_id', 'integer', (col) => col.notNull().references('user.id').onDelete('cascade'))
    .addColumn('user_name', 'text', (col) => col.notNull())
    .addColumn('address', 'text', (col) => col.notNull())
    .addColumn('created_at', 'integer', (col) => col.notNull())
    .addColumn('last_used_at', 'integer', (col) => col.notNull())
    .execute()
  await db.schema.createIndex('session_by_use').on('session').column('last_used_at').execute()
  await db.schema.createIndex('session_by_user').on('session').column('user_id').execute()
}

/** The audit trail is append-only: each row follows the one before it and never changes. */
async function createAudit(db: Kysely<unknown>): Promise<void> {
  await db.schema
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
  await db.schema.createIndex('audit_by_time').on('audit').column('time').execute()
  await db.schema.createIndex('audit_by_user').on('audit').column('user').execute()
  await db.schema.createIndex('audit_by_action').on('audit').column('action').execute()
  if (db.getExecutor().adapter instanceof PostgresAdapter) await createTriggersInPostgres(db)
  else await createTriggersInSqlite(db)
}

async function createTriggersInSqlite(db: Kysely<unknown>): Promise<void> {
  await sql`create trigger audit_stays_as_it_is before update on audit
    begin select raise(abort, 'the audit trail is append-only'); end`.execute(db)
  await sql`create trigger audit_stays_whole before delete on audit
    begin select raise(abort, 'the audit trail is append-only'); end`.execute(db)
  // REPLACE deletes rows without firing the delete trigger; the insert trigger refuses it.
  await sql`create trigger audit_grows_at_its_end before insert on audit
    when new.number is not (select coalesce(max(number), 0) + 1 from audit)
      or new.previous_hash is not coalesce((select hash from audit where number = new.number - 1), ${sql.lit('0'.repeat(64))})
    begin select raise(abort, 'the audit trail is append-only'); end`.execute(db)
}

async function createTriggersInPostgres(db: Kysely<unknown>): Promise<void> {
  await sql`create function audit_refuses() returns trigger language plpgsql as ${sql.lit(
    "begin raise exception 'the audit trail is append-only'; end"
  )}`.execute(db)
  await sql`create function audit_appends() returns trigger language plpgsql as ${sql.lit(`begin
    if new.number is distinct from (select coalesce(max(number), 0) + 1 from audit)
      or new.previous_hash is distinct from
        coalesce((select hash from audit where number = new.number - 1), '${'0'.repeat(64)}')
    then raise exception 'the audit trail is append-only';
    end if;
    return new;
  end`)}`.execute(db)
  await sql`create trigger audit_stays_as_it_is before update on audit
    for each row execute function audit_refuses()`.execute(db)
  await sql`create trigger audit_stays_whole before delete or truncate on audit
    for each statement execute function audit_refuses()`.execute(db)
  await sql`create trigger audit_grows_at_its_end before insert on audit
    for each row execute function audit_appends()`.execute(db)
}

async function createServers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('identity')
    .addColumn('id', 'integer', (col) => col.primaryKey().check(sql`id = 1`))
    .addColumn('uuid', 'text', (col) => col.notNull())
    .execute()
  await sql`insert into identity (id, uuid) values (1, ${randomUUID()})`.execute(db)

  await db.schema
    .createTable('server')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('node', 'text', (col) => col.notNull())
    .addColumn('archives', 'text', (col) => col.notNull())
    .addColumn('heartbeat', 'integer', (col) => col.notNull())
    .execute()
  await db.schema
    .createTable('upload')
    .addColumn('directory', 'text', (col) => col.primaryKey())
    .addColumn('owner', 'text', (col) => col.notNull())
    .addColumn('bytes', 'integer', (col) => col.notNull())
    .execute()
}
