import { type Kysely, sql } from 'kysely'

/** The catalog, what was read of each file, tasks with their plans and messages, and the made administrator. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await createCatalog(trx)
    await createTasks(trx)
    await trx.schema
      .createTable('credential')
      .addColumn('user_name', 'text', (col) => col.primaryKey())
      .addColumn('password_hash', 'text', (col) => col.notNull())
      .execute()
  })
}

async function createCatalog(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('catalog')
    .addColumn('id', 'integer', (col) => col.primaryKey().check(sql`id = 1`))
    .addColumn('read_at', 'integer')
    .addColumn('is_current', 'integer', (col) => col.notNull())
    .execute()
  await sql`insert into catalog (id, read_at, is_current) values (1, null, 0)`.execute(db)

  await db.schema
    .createTable('file_reading')
    .addColumn('path', 'text', (col) => col.primaryKey())
    .addColumn('stamp', 'text', (col) => col.notNull())
    .addColumn('crc32', 'integer', (col) => col.notNull())
    .addColumn('sha256', 'text', (col) => col.notNull())
    .addColumn('contents', 'text')
    .addColumn('reader_version', 'integer', (col) => col.notNull())
    .modifyEnd(sql`without rowid`)
    .execute()

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

  await db.schema
    .createTable('catalog_problem')
    .addColumn('path', 'text', (col) => col.notNull())
    .addColumn('code', 'text', (col) => col.notNull())
    .addColumn('text', 'text', (col) => col.notNull())
    .addPrimaryKeyConstraint('catalog_problem_key', ['path', 'code', 'text'])
    .modifyEnd(sql`without rowid`)
    .execute()
}

async function createTasks(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('plan')
    .addColumn('id', 'integer', (col) => col.primaryKey())
    .addColumn('digest', 'text', (col) => col.notNull())
    .addColumn('package_count', 'integer', (col) => col.notNull())
    .addColumn('entry_count', 'integer', (col) => col.notNull())
    .addColumn('directory_offset', 'integer', (col) => col.notNull())
    .addColumn('archive_size', 'integer', (col) => col.notNull())
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
    .addPrimaryKeyConstraint('plan_entry_key', ['plan_id', 'position'])
    .modifyEnd(sql`without rowid`)
    .execute()

  await db.schema
    .createTable('task')
    // Autoincrement: an id is never used again, not even after its row is gone.
    .addColumn('id', 'integer', (col) => col.primaryKey().autoIncrement())
    .addColumn('kind', 'text', (col) => col.notNull())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('plan_id', 'integer', (col) => col.references('plan.id'))
    .addColumn('archive_name', 'text', (col) => col.unique())
    .addColumn('packages_done', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('packages_total', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('bytes_done', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('bytes_total', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('attempt', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('created_by', 'text', (col) => col.notNull())
    .addColumn('created_at', 'integer', (col) => col.notNull())
    .addColumn('started_at', 'integer')
    .addColumn('finished_at', 'integer')
    .execute()
  await db.schema.createIndex('task_by_state').on('task').columns(['state', 'kind', 'id']).execute()
  await db.schema.createIndex('task_by_plan').on('task').column('plan_id').execute()

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

export async function down(db: Kysely<unknown>): Promise<void> {
  const tables = [
    'task_message',
    'task',
    'plan_entry',
    'plan',
    'catalog_problem',
    'package_property',
    'package_requisite',
    'package_member',
    'package_machine_type',
    'package_file',
    'file',
    'package',
    'file_reading',
    'catalog',
    'credential'
  ]
  await db.transaction().execute(async (trx) => {
    for (const table of tables) await trx.schema.dropTable(table).execute()
  })
}
