import { type Kysely, PostgresAdapter, sql } from 'kysely'

/**
 * What is done and who asked for it become two things: several tasks can wait for one piece of work. Work has a lease and a
 * checkpoint; a plan says what has become of its archive.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await extendPlan(trx)
    await createWork(trx)
    await rebuildTask(trx)
  })
}

async function extendPlan(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('plan').addColumn('archive_name', 'text').execute()
  await db.schema
    .alterTable('plan')
    .addColumn('archive_state', 'text', (col) => col.notNull().defaultTo('none'))
    .execute()
  await db.schema.alterTable('plan').addColumn('kept_until', 'integer').execute()
  await sql`
    update plan set
      archive_name = (select archive_name from task where plan_id = plan.id),
      archive_state = coalesce((
        select case state when 'completed' then 'kept' when 'queued' then 'pending' when 'running' then 'pending' end
        from task where plan_id = plan.id
      ), 'none'),
      kept_until = (select finished_at + 604800000 from task where plan_id = plan.id and state = 'completed')
  `.execute(db)
  // Before there was a rule against it, equal exports had an archive each; the newest one is shared from now on.
  await sql`
    update plan set digest = digest || ':' || id
    where archive_state in ('pending', 'kept') and exists (
      select 1 from plan as newer
      where newer.digest = plan.digest and newer.id > plan.id and newer.archive_state in ('pending', 'kept')
    )
  `.execute(db)
  await db.schema.createIndex('plan_by_archive').unique().on('plan').column('archive_name').execute()
  await db.schema
    .createIndex('plan_by_digest')
    .unique()
    .on('plan')
    .column('digest')
    .where(sql<boolean>`archive_state in ('pending', 'kept')`)
    .execute()
}

async function createWork(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('work')
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
    .addColumn('lease_beat', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('crashes', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('started_at', 'integer')
    .execute()
  await sql`
    insert into work (id, kind, state, plan_id, packages_done, packages_total, bytes_done, bytes_total, started_at)
    select id, kind, case when state in ('queued', 'running') then 'queued' else 'ended' end, plan_id,
      packages_done, packages_total, bytes_done, bytes_total, started_at
    from task
  `.execute(db)
  await db.schema.createIndex('work_by_state').on('work').columns(['state', 'kind', 'id']).execute()
  await db.schema.createIndex('work_by_plan').on('work').column('plan_id').execute()
}

async function rebuildTask(db: Kysely<unknown>): Promise<void> {
  // SQLite cannot drop a unique column: the table is made anew. Messages refer to it, and must outlive its old form.
  // A task that has not ended is `live`: how far it is, its work tells.
  await db.schema
    .createTable('new_task')
    .addColumn('id', 'integer', (col) => col.primaryKey().autoIncrement())
    .addColumn('kind', 'text', (col) => col.notNull())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('work_id', 'integer', (col) => col.notNull().references('work.id'))
    .addColumn('packages_done', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('packages_total', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('bytes_done', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('bytes_total', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('created_by', 'text', (col) => col.notNull())
    .addColumn('created_at', 'integer', (col) => col.notNull())
    .addColumn('finished_at', 'integer')
    .execute()
  await sql`
    insert into new_task (id, kind, state, work_id, packages_done, packages_total, bytes_done, bytes_total,
      created_by, created_at, finished_at)
    select id, kind, case when state in ('queued', 'running') then 'live' else state end, id, packages_done,
      packages_total, bytes_done, bytes_total, created_by, created_at, finished_at
    from task
  `.execute(db)
  if (db.getExecutor().adapter instanceof PostgresAdapter) await replaceInPostgres(db)
  else await replaceInSqlite(db)
  await db.schema.createIndex('task_by_state').on('task').columns(['state', 'kind', 'id']).execute()
  await db.schema.createIndex('task_by_work').on('task').columns(['work_id', 'state']).execute()
}

/** It has had no tasks yet. */
async function replaceInPostgres(db: Kysely<unknown>): Promise<void> {
  await sql`drop table task cascade`.execute(db)
  await sql`alter table new_task rename to task`.execute(db)
  await db.schema
    .alterTable('task_message')
    .addForeignKeyConstraint('task_message_task', ['task_id'], 'task', ['id'])
    .onDelete('cascade')
    .execute()
}

async function replaceInSqlite(db: Kysely<unknown>): Promise<void> {
  await sql`create temporary table kept_message as select * from task_message`.execute(db)
  await sql`update sqlite_sequence set seq = coalesce((select seq from sqlite_sequence where name = 'task'), 0) where name = 'new_task'`.execute(
    db
  )
  await sql`insert into sqlite_sequence (name, seq) select 'new_task', seq from sqlite_sequence
    where name = 'task' and not exists (select 1 from sqlite_sequence where name = 'new_task')`.execute(db)
  await sql`delete from task_message`.execute(db)
  await db.schema.dropTable('task').execute()
  await sql`alter table new_task rename to task`.execute(db)
  await sql`insert into task_message select * from kept_message`.execute(db)
  await sql`drop table kept_message`.execute(db)
}
