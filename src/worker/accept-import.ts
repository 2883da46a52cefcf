/** Accepts files from outside: makes room for them, and makes tasks of them. */
import type { Kysely } from 'kysely'
import type {
  AcceptedImport,
  FinishedUpload,
  ImportAnnouncement,
  ImportCommands,
  UploadRequest
} from '../core/import.ts'
import { importExpired } from '../core/message.ts'
import { Problem } from '../core/problem.ts'
import { toStorageProblem } from '../core/storage-trouble.ts'
import { quoteName } from '../core/upload-name.ts'
import type { IncomingDirectory } from '../files/incoming-directory.ts'
import type { Depot } from '../store/database.ts'
import { durableTransaction, writeTransaction } from '../store/durable-transaction.ts'
import { createImportStore, type OpenJob } from '../store/import-store.ts'
import type { Schema } from '../store/schema.ts'
import { endTasks, getTask, insertTask } from '../store/task-store.ts'
import { endWork } from '../store/work-store.ts'
import { checkQuota, type TaskLimits } from './user-quota.ts'

export interface ImportDeskOptions {
  readonly db: Depot
  /** The server that receives the files. */
  readonly owner: string
  readonly incoming: IncomingDirectory
  /** Bytes that the repository can still take. */
  readonly freeRepositoryBytes: () => Promise<number>
  readonly userLimits: TaskLimits
  readonly now: () => Date
}

/** So long an announced import waits for its files. */
export const ANNOUNCEMENT_TTL_MS = 3_600_000

export interface SweepingImportCommands extends ImportCommands {
  /** Fails imports whose files have not come, and removes what ended ones have left. */
  sweepImports(): Promise<void>
}

export function createImportDesk(options: ImportDeskOptions): SweepingImportCommands {
  const { db, owner, incoming, freeRepositoryBytes, userLimits, now } = options

  /** @throws Problem REPOSITORY_NOT_WRITABLE or REPOSITORY_FULL */
  function create(): string {
    try {
      return incoming.create()
    } catch (error) {
      throw toStorageProblem(error) ?? error
    }
  }

  /** In the transaction that reserves it. @throws Problem REPOSITORY_FULL */
  async function checkRoom(trx: Kysely<Schema>, bytes: number, free: number): Promise<void> {
    const imports = createImportStore(trx)
    const reserved = (await imports.reservedBytes(now())) + (await imports.uploadingBytes())
    if (bytes <= free - reserved) return
    throw new Problem(
      'REPOSITORY_FULL',
      `The files have ${bytes} bytes; ${Math.max(0, free)} bytes are free, and ${reserved} of them are reserved.`
    )
  }

  /** @throws Problem IMPORT_JOB_UNUSABLE */
  async function openJob(trx: Kysely<Schema>, jobId: number, requestedBy: string): Promise<OpenJob> {
    const job = await createImportStore(trx).findOpen(jobId)
    if (job === undefined) throw unusable(`The job ${jobId} does not wait for files.`)
    if (job.createdBy !== requestedBy) throw unusable(`The job ${jobId} is another user's.`)
    if (job.expiresAt <= now()) throw unusable(`The job ${jobId} has waited too long.`)
    return job
  }

  async function addToJob(trx: Kysely<Schema>, jobId: number, finished: FinishedUpload): Promise<AcceptedImport> {
    const { upload, files, isReplacing, requestedBy } = finished
    const job = await openJob(trx, jobId, requestedBy)
    const stranger = files.find(({ name }) => !job.files.some((announced) => announced.name === name))
    if (stranger !== undefined) {
      throw unusable(`The file ${quoteName(stranger.name)} was not announced for the job ${jobId}.`)
    }
    const isQueued = await createImportStore(trx).addFiles(job, files, isReplacing)
    incoming.hand(
      upload,
      job.directory,
      files.map(({ name }) => name)
    )
    return { task: await getTask(trx, jobId), isWaiting: !isQueued }
  }

  return {
    async announceImport({ files, requestedBy }: ImportAnnouncement) {
      const free = await freeRepositoryBytes()
      const directory = create()
      return durableTransaction(db, async (trx) => {
        await checkRoom(trx, sum(files.map(({ size }) => size)), free)
        await checkQuota(trx, userLimits, { userName: requestedBy, kind: 'import' })
        const expiresAt = new Date(now().getTime() + ANNOUNCEMENT_TTL_MS)
        const workId = await createImportStore(trx).open(directory, files, expiresAt)
        return insertTask(trx, liveImport(workId, requestedBy, now()), { notes: [] })
      }).catch((error) => {
        incoming.remove(directory)
        throw error
      })
    },

    async beginUpload({ size = 0, jobId, requestedBy }: UploadRequest) {
      const job = jobId === undefined ? undefined : await openJob(db, jobId, requestedBy)
      const announced = (job?.files ?? []).filter(({ isHere }) => !isHere).map((file) => file.size)
      const more = Math.max(0, size - sum(announced))
      const free = await freeRepositoryBytes()
      const upload = create()
      try {
        await writeTransaction(db, async (trx) => {
          await checkRoom(trx, more, free)
          await createImportStore(trx).beginUpload(upload, owner, more)
        })
      } catch (error) {
        incoming.remove(upload)
        throw error
      }
      return upload
    },

    async finishUpload(finished: FinishedUpload) {
      const { upload, files, jobId, isReplacing, requestedBy } = finished
      const accepted = await durableTransaction(db, async (trx): Promise<AcceptedImport> => {
        await createImportStore(trx).endUpload(upload)
        if (jobId !== undefined) return addToJob(trx, jobId, finished)
        await checkQuota(trx, userLimits, { userName: requestedBy, kind: 'import' })
        const workId = await createImportStore(trx).queue({ directory: upload, isReplacing, files })
        const task = await insertTask(trx, liveImport(workId, requestedBy, now()), { notes: [] })
        return { task, isWaiting: false }
      })
      if (jobId !== undefined) incoming.remove(upload)
      return accepted
    },

    async abandonUpload(upload: string) {
      await createImportStore(db).endUpload(upload)
      incoming.remove(upload)
    },

    async sweepImports() {
      await durableTransaction(db, async (trx) => {
        for (const workId of await createImportStore(trx).expired(now())) {
          await endTasks(trx, { workId }, { state: 'failed', message: importExpired(), now: now() })
          await endWork(trx, workId)
        }
      })
      await removeEnded(db, incoming, false)
    }
  }
}

/** Removes what imports that have ended have left. @param isClaimed see ImportStore.ended */
export async function removeEnded(db: Depot, incoming: IncomingDirectory, isClaimed: boolean): Promise<void> {
  const imports = createImportStore(db)
  for (const { workId, directory } of await imports.ended(isClaimed)) {
    incoming.remove(directory)
    await imports.forget(workId)
  }
}

function liveImport(workId: number, requestedBy: string, time: Date) {
  return {
    kind: 'import',
    state: 'live',
    work_id: workId,
    created_by: requestedBy,
    created_at: time.getTime(),
    finished_at: null
  }
}

function unusable(text: string): Problem {
  return new Problem('IMPORT_JOB_UNUSABLE', text)
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
