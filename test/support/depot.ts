/** A depot without an API: a migrated database, directories, and scans that run in this thread. */
import fs from 'node:fs'
import path from 'node:path'
import type { Insertable, Kysely } from 'kysely'
import type { Test } from 'tap'
import { DEFAULT_PROTECTION } from '../../src/core/accounts/protection.ts'
import type { PackageFilter, PackageSummary } from '../../src/core/catalog/catalog.ts'
import type { CatalogProblem } from '../../src/core/catalog/package.ts'
import type { Message } from '../../src/core/problems/message.ts'
import type { WorkerSettings } from '../../src/core/storage/storage-config.ts'
import type { Task, TaskKind } from '../../src/core/tasks/task.ts'
import { METADATA_SUFFIXES, READER_VERSION } from '../../src/metadata/metadata-file.ts'
import { createRepositoryDirectory } from '../../src/storage/disk/repository-directory.ts'
import { createCatalogStore } from '../../src/store/catalog/catalog-store.ts'
import { type Database, openDepotDatabase } from '../../src/store/engine/database.ts'
import { migrateToLatest } from '../../src/store/engine/migrations.ts'
import type { JobTable, PackageTable, Schema } from '../../src/store/engine/schema.ts'
import { createScanStore } from '../../src/store/scan/scan-store.ts'
import { insertJob } from '../../src/store/tasks/job-store.ts'
import { insertTask } from '../../src/store/tasks/write-tasks.ts'
import type { FileReaderPool } from '../../src/worker/scan/file-reader-pool.ts'
import readFiles from '../../src/worker/scan/file-reader-thread.ts'
import { type ScanOptions, type ScanResult, scanRepository } from '../../src/worker/scan/scan-repository.ts'
import { type ArchiveView, bucketFor, viewArchives } from './archives.ts'
import { databaseFor } from './engines.ts'
import type { Files } from './packages.ts'

/** How long depots of tests keep archives, in milliseconds. */
export const ARCHIVE_TTL_MS = 86_400_000

export interface BareDepot extends WorkerSettings {
  /** Real path of the directory that holds all the others. */
  readonly root: string
  /** Its archives, on the disk or in S3. */
  readonly archiveView: ArchiveView
  /** The first connection to the migrated database. */
  readonly db: Database
  /** Opens one more connection to the same database. It is closed at the end of the test. */
  connect(): Database
  /** Writes files into the repository, and creates their directories. */
  write(files: Files): void
  /** Brings the catalog up to date with the repository. */
  scan(options?: Partial<ScanOptions>): Promise<ScanResult>
}

/** Makes a depot in the test's directory, with these files in its repository. They have not been scanned. */
export async function makeDepot(t: Test, files: Files = {}): Promise<BareDepot> {
  const root = fs.realpathSync(t.testdir({ repository: {}, archives: {} }))
  const location = await databaseFor(t, path.join(root, 'fixdepot.db'))
  const repositoryDirectory = path.join(root, 'repository')
  const storage = { archivesDirectory: path.join(root, 'archives'), archivesBucket: await bucketFor(t) }
  const connections: Database[] = []
  t.teardown(async () => {
    for (const connection of connections.reverse()) await connection.destroy()
  })
  const connect = () => {
    const connection = openDepotDatabase(location)
    connections.push(connection)
    return connection
  }
  const db = connect()
  await migrateToLatest(db)
  let scanner: Database | undefined
  const depot: BareDepot = {
    root,
    dataDirectory: root,
    ...location,
    repositoryDirectory,
    ...storage,
    archiveView: viewArchives(t, storage),
    owner: 'tester',
    archiveTtlMs: ARCHIVE_TTL_MS,
    userLimits: DEFAULT_PROTECTION.userLimits,
    db,
    connect,
    write: (more) => writeFiles(repositoryDirectory, more),
    async scan(options = {}) {
      scanner ??= connect()
      return scanRepository({
        repository: createRepositoryDirectory(repositoryDirectory),
        store: createScanStore(scanner, READER_VERSION, METADATA_SUFFIXES),
        pool: threadlessPool,
        now: () => new Date(),
        onTotals: async () => {},
        onProgress: () => {},
        signal: new AbortController().signal,
        ...options
      })
    }
  }
  depot.write(files)
  return depot
}

/** Writes files below a directory, and creates their directories. */
export function writeFiles(directory: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(directory, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, content)
  }
}

/** The files below a directory with their content, hidden ones too, by path. */
export function contentsOf(directory: string): Record<string, string> {
  const files = fs.readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map((entry) => path.join(entry.parentPath, entry.name)).sort()
  return Object.fromEntries(paths.map((file) => [path.relative(directory, file), fs.readFileSync(file, 'latin1')]))
}

/** Classic metadata with these properties and no others; lists become arrays. */
export function classicXml(properties: Readonly<Record<string, string | readonly string[]>>): string {
  const lines = Object.entries(properties).map(([name, value]) =>
    typeof value === 'string'
      ? `<PROPERTY NAME="${name}">${valueElement(value)}</PROPERTY>`
      : `<PROPERTY.ARRAY NAME="${name}"><VALUE.ARRAY>${value.map(valueElement).join('')}</VALUE.ARRAY></PROPERTY.ARRAY>`
  )
  return `<?xml version="1.0" encoding="UTF-8"?>\n<INSTANCE CLASSNAME="Test">\n${lines.join('\n')}\n</INSTANCE>\n`
}

function valueElement(text: string): string {
  return `<VALUE>${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</VALUE>`
}

/** The packages of the catalog that match the filter, by fixid. */
export async function listPackages(db: Database, filter: PackageFilter = {}): Promise<PackageSummary[]> {
  return itemsOf(createCatalogStore(db).packagePages(filter))
}

/** The items of all pages as one list. */
export async function itemsOf<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const items: T[] = []
  for await (const page of pages) items.push(...page)
  return items
}

/** All catalog problems, by path and code. */
export async function listProblems(db: Database): Promise<CatalogProblem[]> {
  const rows = await db.selectFrom('catalog_problem').selectAll().orderBy('path').orderBy('code').execute()
  return rows as CatalogProblem[]
}

/** Reads files in this thread, page by page. */
export const threadlessPool: FileReaderPool = {
  async readAll(root, pages, onResults) {
    for await (const files of pages) {
      const bytes = files.reduce((sum, { size }) => sum + size, 0)
      await onResults(await readFiles({ root, files }), bytes)
    }
  },
  close: async () => {}
}

type PackageRow = Insertable<PackageTable>

/** Adds a package to the catalog as a scan would, without any file. @returns its id */
export async function addPackage(db: Database, fixid: string, changes: Partial<PackageRow> = {}): Promise<number> {
  const row: PackageRow = {
    fixid,
    kind: 'update',
    form: 'classic',
    name: `Name of ${fixid}`,
    version: '1.00',
    build_number: '',
    category: 'UEFI',
    vendor: '',
    description: '',
    severity: '',
    release_date: '2026-01-06',
    update_type: 'firmware',
    reboot_required: '',
    payload_state: 'present',
    metadata_path: `${fixid}.xml`,
    product_line: fixid,
    version_key: '',
    fingerprint: '',
    ...changes
  }
  const { id } = await db.insertInto('package').values(row).returning('id').executeTakeFirstOrThrow()
  return id
}

/** Queues a task and its job, as the command thread would. The job has no plan unless the changes name one. */
export async function queueTask(
  db: Database,
  kind: TaskKind,
  changes: Partial<Insertable<JobTable>> & { createdAt?: Date } = {},
  notes: readonly Message[] = []
): Promise<Task & { readonly jobId: number }> {
  const { createdAt = new Date(), ...job } = changes
  return db.transaction().execute(async (trx) => {
    const jobId = await insertJob(trx, kind, job)
    return { ...(await joinJob(trx, kind, jobId, { createdAt, notes })), jobId }
  })
}

/** Adds one more task that waits for a job. */
export function joinJob(
  db: Kysely<Schema>,
  kind: TaskKind,
  jobId: number,
  { createdAt = new Date(), notes = [] }: { createdAt?: Date; notes?: readonly Message[] } = {}
): Promise<Task> {
  const row = {
    kind,
    state: 'live',
    job_id: jobId,
    created_by: 'tester',
    created_at: createdAt.getTime(),
    finished_at: null
  }
  return insertTask(db, row, { notes })
}
