/** Imports that have not ended: their jobs, directories and files. */
import { type Kysely, sql } from 'kysely'
import type { AnnouncedFile, ReceivedFile } from '../../core/import/import.ts'
import { bulkInsert } from '../engine/bulk-insert.ts'
import type { Schema } from '../engine/schema.ts'
import { insertJob } from '../tasks/job-store.ts'
import { createImportChanges } from './import-changes.ts'
import { createUploads } from './uploads.ts'

/** An import that waits for files. */
export interface OpenImport {
  readonly jobId: number
  readonly directory: string
  readonly createdBy: string
  readonly expiresAt: Date
  readonly files: readonly (AnnouncedFile & { readonly isReceived: boolean })[]
}

/** An import that has all its files. */
export interface ReceivedImport {
  readonly directory: string
  readonly isReplacing: boolean
  readonly files: readonly ReceivedFile[]
}

export type ImportStore = ReturnType<typeof createImportStore>

/** @param db the connection or a transaction */
export function createImportStore(db: Kysely<Schema>) {
  return {
    ...createImportChanges(db),
    ...createUploads(db),

    /** Inserts an open import, which waits for these files. @returns the id of its job */
    async open(directory: string, files: readonly AnnouncedFile[], expiresAt: Date): Promise<number> {
      const bytes = files.reduce((sum, { size }) => sum + size, 0)
      const jobId = await insertJob(db, 'import', { state: 'open', bytes_total: bytes })
      await insertImport(db, { job_id: jobId, directory, is_replacing: 0, expires_at: expiresAt.getTime() })
      const columns = ['job_id', 'name', 'announced_size'] as const
      const rows = files.map(({ name, size }) => ({ job_id: jobId, name, announced_size: size }))
      await bulkInsert(db, 'import_file', columns, rows)
      return jobId
    },

    /** Inserts a queued import, which has all its files. @returns the id of its job */
    async queue({ directory, isReplacing, files }: ReceivedImport): Promise<number> {
      const bytes = files.reduce((sum, { size }) => sum + size, 0)
      const jobId = await insertJob(db, 'import', { bytes_total: bytes })
      await insertImport(db, { job_id: jobId, directory, is_replacing: Number(isReplacing), expires_at: null })
      await putFiles(db, jobId, files)
      return jobId
    },

    /** The open import of this task. */
    async findOpen(taskId: number): Promise<OpenImport | undefined> {
      const row = await db
        .selectFrom('task')
        .innerJoin('job', 'job.id', 'task.job_id')
        .innerJoin('import_job', 'import_job.job_id', 'job.id')
        .select(['job.id', 'import_job.directory', 'import_job.expires_at', 'task.created_by'])
        .where('task.id', '=', taskId)
        .where('task.state', '=', 'live')
        .where('job.state', '=', 'open')
        .executeTakeFirst()
      if (row === undefined) return undefined
      const files = await db.selectFrom('import_file').selectAll().where('job_id', '=', row.id).execute()
      return {
        jobId: row.id,
        directory: row.directory,
        createdBy: row.created_by,
        expiresAt: new Date(row.expires_at ?? 0),
        files: files.map(({ name, announced_size, size }) => ({
          name,
          size: announced_size,
          isReceived: size !== null
        }))
      }
    },

    /** Adds files to an open import, and queues it when no file is missing. @returns whether it is queued */
    async addFiles({ jobId }: OpenImport, files: readonly ReceivedFile[], isReplacing: boolean): Promise<boolean> {
      await putFiles(db, jobId, files)
      if (isReplacing) await db.updateTable('import_job').set({ is_replacing: 1 }).where('job_id', '=', jobId).execute()
      const { bytes, missing } = await db
        .selectFrom('import_file')
        .select((eb) => [
          eb.fn.sum<number>(eb.fn.coalesce('size', 'announced_size')).as('bytes'),
          sql<number>`count(*) filter (where size is null)`.as('missing')
        ])
        .where('job_id', '=', jobId)
        .executeTakeFirstOrThrow()
      const state = missing === 0 ? 'queued' : 'open'
      await db.updateTable('job').set({ state, bytes_total: bytes }).where('id', '=', jobId).execute()
      return state === 'queued'
    },

    /** The job ids of open imports whose time is over. */
    async expired(now: Date): Promise<number[]> {
      const rows = await db
        .selectFrom('import_job')
        .innerJoin('job', 'job.id', 'import_job.job_id')
        .select('job.id')
        .where('job.state', '=', 'open')
        .where('import_job.expires_at', '<=', now.getTime())
        .execute()
      return rows.map((row) => row.id)
    },

    /**
     * Imports that have ended and whose files are not removed yet.
     * @param isClaimed whether a worker has claimed them
     */
    async ended(isClaimed: boolean): Promise<{ readonly jobId: number; readonly directory: string }[]> {
      const rows = await db
        .selectFrom('import_job')
        .innerJoin('job', 'job.id', 'import_job.job_id')
        .select(['job.id', 'import_job.directory'])
        .where('job.state', '=', 'ended')
        .where('job.lease_token', isClaimed ? '>' : '=', 0)
        .execute()
      return rows.map(({ id, directory }) => ({ jobId: id, directory }))
    },

    /** The directories of all imports that have not ended, and of running uploads. */
    async liveDirectories(): Promise<Set<string>> {
      const uploads = await db.selectFrom('upload').select('directory').execute()
      const rows = await db
        .selectFrom('import_job')
        .innerJoin('job', 'job.id', 'import_job.job_id')
        .select('import_job.directory')
        .where('job.state', '!=', 'ended')
        .execute()
      return new Set([...rows, ...uploads].map((row) => row.directory))
    },

    async find(jobId: number): Promise<ReceivedImport> {
      const job = await db.selectFrom('import_job').selectAll().where('job_id', '=', jobId).executeTakeFirstOrThrow()
      const rows = await db.selectFrom('import_file').selectAll().where('job_id', '=', jobId).orderBy('name').execute()
      const files = rows.map(({ name, size, crc32, sha256 }) => ({
        name,
        size: size ?? 0,
        crc32: crc32 ?? 0,
        sha256: sha256 ?? ''
      }))
      return { directory: job.directory, isReplacing: job.is_replacing === 1, files }
    },

    /** Deletes an import; its task remains. */
    async forget(jobId: number): Promise<void> {
      await db.deleteFrom('import_job').where('job_id', '=', jobId).execute()
    }
  }
}

async function insertImport(db: Kysely<Schema>, row: Schema['import_job']): Promise<void> {
  await db.insertInto('import_job').values(row).execute()
}

async function putFiles(db: Kysely<Schema>, jobId: number, files: readonly ReceivedFile[]): Promise<void> {
  const columns = ['job_id', 'name', 'announced_size', 'size', 'crc32', 'sha256'] as const
  const rows = files.map((file) => ({ job_id: jobId, announced_size: file.size, ...file }))
  await bulkInsert(
    db,
    'import_file',
    columns,
    rows,
    sql`on conflict (job_id, name) do update set size = excluded.size, crc32 = excluded.crc32, sha256 = excluded.sha256`
  )
}
