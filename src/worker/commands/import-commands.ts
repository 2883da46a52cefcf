/** The commands of uploads and imports: they reserve space for files, and create tasks when the files have arrived. */
import type { Kysely } from 'kysely'
import type {
  AcceptedImport,
  FinishedUpload,
  ImportAnnouncement,
  ImportCommands,
  UploadRequest
} from '../../core/import/import.ts'
import { quoteName } from '../../core/import/upload-name.ts'
import { toStorageProblem } from '../../core/problems/disk-error.ts'
import { importExpired } from '../../core/problems/message.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { IncomingDirectory } from '../../storage/disk/incoming-directory.ts'
import type { Database } from '../../store/engine/database.ts'
import type { Schema } from '../../store/engine/schema.ts'
import { durableTransaction, writeTransaction } from '../../store/engine/transactions.ts'
import { createImportStore, type OpenImport } from '../../store/imports/import-store.ts'
import { endJob } from '../../store/tasks/job-store.ts'
import { getTask } from '../../store/tasks/task-rows.ts'
import { endTasks, insertTask } from '../../store/tasks/write-tasks.ts'
import { ANNOUNCEMENT_TTL_MS, removeEndedImports } from '../import/remove-leftovers.ts'
import { checkQuota, liveTask, type TaskLimits } from './new-task.ts'

export interface ImportCommandsOptions {
  readonly db: Database
  /** The server that receives the files. */
  readonly owner: string
  readonly incoming: IncomingDirectory
  /** Bytes that the repository can still take. */
  readonly freeRepositoryBytes: () => Promise<number>
  readonly userLimits: TaskLimits
  readonly now: () => Date
}

export interface SweepingImportCommands extends ImportCommands {
  /** Fails announced imports whose files have not arrived in time, and removes the files of ended imports. */
  sweepImports(): Promise<void>
}

export function createImportCommands(options: ImportCommandsOptions): SweepingImportCommands {
  const { db, owner, incoming, freeRepositoryBytes, userLimits, now } = options

  /** @throws Problem REPOSITORY_NOT_WRITABLE or REPOSITORY_FULL */
  function create(): string {
    try {
      return incoming.create()
    } catch (error) {
      throw toStorageProblem(error) ?? error
    }
  }

  /** To be called in the transaction that reserves the space. @throws Problem REPOSITORY_FULL */
  async function checkSpace(trx: Kysely<Schema>, bytes: number, free: number): Promise<void> {
    const imports = createImportStore(trx)
    const reserved = (await imports.reservedBytes(now())) + (await imports.uploadingBytes())
    if (bytes <= free - reserved) return
    throw new Problem(
      'REPOSITORY_FULL',
      `The files have ${bytes} bytes; ${Math.max(0, free)} bytes are free, and ${reserved} of them are reserved.`
    )
  }

  /** @throws Problem IMPORT_JOB_UNUSABLE */
  async function openImport(trx: Kysely<Schema>, taskId: number, requestedBy: string): Promise<OpenImport> {
    const pending = await createImportStore(trx).findOpen(taskId)
    if (pending === undefined) throw unusable(`The job ${taskId} does not wait for files.`)
    if (pending.createdBy !== requestedBy) throw unusable(`The job ${taskId} is another user's.`)
    if (pending.expiresAt <= now()) throw unusable(`The job ${taskId} has waited too long.`)
    return pending
  }

  async function addToImport(trx: Kysely<Schema>, taskId: number, finished: FinishedUpload): Promise<AcceptedImport> {
    const { upload, files, isReplacing, requestedBy } = finished
    const pending = await openImport(trx, taskId, requestedBy)
    const unknown = files.find(({ name }) => !pending.files.some((announced) => announced.name === name))
    if (unknown !== undefined) {
      throw unusable(`The file ${quoteName(unknown.name)} was not announced for the job ${taskId}.`)
    }
    const isQueued = await createImportStore(trx).addFiles(pending, files, isReplacing)
    incoming.moveReceived(
      upload,
      pending.directory,
      files.map(({ name }) => name)
    )
    return { task: await getTask(trx, taskId), isWaiting: !isQueued }
  }

  return {
    async announceImport({ files, requestedBy }: ImportAnnouncement) {
      const free = await freeRepositoryBytes()
      const directory = create()
      return durableTransaction(db, async (trx) => {
        await checkSpace(trx, sum(files.map(({ size }) => size)), free)
        await checkQuota(trx, userLimits, { userName: requestedBy, kind: 'import' })
        const expiresAt = new Date(now().getTime() + ANNOUNCEMENT_TTL_MS)
        const jobId = await createImportStore(trx).open(directory, files, expiresAt)
        return insertTask(trx, liveTask('import', jobId, requestedBy, now()), { notes: [] })
      }).catch((error) => {
        incoming.remove(directory)
        throw error
      })
    },

    async beginUpload({ size = 0, taskId, requestedBy }: UploadRequest) {
      const pending = taskId === undefined ? undefined : await openImport(db, taskId, requestedBy)
      const announced = (pending?.files ?? []).filter(({ isReceived }) => !isReceived).map((file) => file.size)
      const more = Math.max(0, size - sum(announced))
      const free = await freeRepositoryBytes()
      const upload = create()
      try {
        await writeTransaction(db, async (trx) => {
          await checkSpace(trx, more, free)
          await createImportStore(trx).beginUpload(upload, owner, more)
        })
      } catch (error) {
        incoming.remove(upload)
        throw error
      }
      return upload
    },

    async finishUpload(finished: FinishedUpload) {
      const { upload, files, taskId, isReplacing, requestedBy } = finished
      const accepted = await durableTransaction(db, async (trx): Promise<AcceptedImport> => {
        await createImportStore(trx).endUpload(upload)
        if (taskId !== undefined) return addToImport(trx, taskId, finished)
        await checkQuota(trx, userLimits, { userName: requestedBy, kind: 'import' })
        const jobId = await createImportStore(trx).queue({ directory: upload, isReplacing, files })
        const task = await insertTask(trx, liveTask('import', jobId, requestedBy, now()), { notes: [] })
        return { task, isWaiting: false }
      })
      if (taskId !== undefined) incoming.remove(upload)
      return accepted
    },

    async abandonUpload(upload: string) {
      await createImportStore(db).endUpload(upload)
      incoming.remove(upload)
    },

    async sweepImports() {
      await durableTransaction(db, async (trx) => {
        for (const jobId of await createImportStore(trx).expired(now())) {
          await endTasks(trx, { jobId }, { state: 'failed', message: importExpired(), now: now() })
          await endJob(trx, jobId)
        }
      })
      await removeEndedImports(db, incoming, false)
    }
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
