/** The workers in this thread: commands, and job loops that run the queued jobs. */

import type { TaskCommands } from '../../src/core/export/task-commands.ts'
import { type Message, OPERATION_SUCCEEDED } from '../../src/core/problems/message.ts'
import type { TaskKind } from '../../src/core/tasks/task.ts'
import { createIncomingDirectory } from '../../src/storage/disk/incoming-directory.ts'
import { createRepositoryDirectory, type RepositoryDirectory } from '../../src/storage/disk/repository-directory.ts'
import { stageDeletion } from '../../src/storage/disk/staged-deletion.ts'
import { openArchiveStorage } from '../../src/storage/open-archive-storage.ts'
import { createJobStore, type JobStore } from '../../src/store/tasks/job-store.ts'
import {
  createImportCommands,
  type ImportCommandsOptions,
  type SweepingImportCommands
} from '../../src/worker/commands/import-commands.ts'
import { createTaskCommands, type TaskCommandsOptions } from '../../src/worker/commands/task-commands.ts'
import { createExportHandler } from '../../src/worker/export/run-export.ts'
import { createImportHandler } from '../../src/worker/import/import-handler.ts'
import { type JobLoop, type JobLoopOptions, startJobLoop } from '../../src/worker/runtime/job-loop.ts'
import { TaskFailure } from '../../src/worker/runtime/run-job.ts'
import type { JobHandler } from '../../src/worker/runtime/worker-host.ts'
import { type BareDepot, threadlessPool } from './depot.ts'
import type { Files } from './packages.ts'

/** The free space of a volume that is never full. */
const FREE_BYTES = 2 ** 50

export function makeCommands(depot: BareDepot, options: Partial<TaskCommandsOptions> = {}): TaskCommands {
  return createTaskCommands({
    db: depot.db,
    archives: openArchiveStorage(depot),
    freeBytes: () => FREE_BYTES,
    stageDeletion: (paths) => stageDeletion(depot.repositoryDirectory, paths),
    archiveTtlMs: depot.archiveTtlMs,
    userLimits: depot.userLimits,
    now: () => new Date(),
    ...options
  })
}

export function makeImportCommands(
  depot: BareDepot,
  options: Partial<ImportCommandsOptions> = {}
): SweepingImportCommands {
  return createImportCommands({
    db: depot.db,
    owner: depot.owner,
    incoming: createIncomingDirectory(depot.repositoryDirectory),
    freeRepositoryBytes: async () => FREE_BYTES,
    userLimits: depot.userLimits,
    now: () => new Date(),
    ...options
  })
}

/** Queues an import of these files, as the route would. @returns the id of its task */
export async function queueImport(depot: BareDepot, files: Files, isReplacing = false): Promise<number> {
  const commands = makeImportCommands(depot)
  const upload = await commands.beginUpload({ size: undefined, taskId: undefined, requestedBy: 'ann' })
  const sink = createIncomingDirectory(depot.repositoryDirectory).sink(upload)
  const received = []
  for (const [name, content] of Object.entries(files)) {
    received.push(
      await sink.receive(
        name,
        (async function* () {
          yield Buffer.from(content)
        })()
      )
    )
  }
  const { task } = await commands.finishUpload({
    upload,
    files: received,
    taskId: undefined,
    isReplacing,
    requestedBy: 'ann'
  })
  return task.id
}

/** The options of a job loop with the handler of this kind; see `startQueued`. */
export function loopOf(depot: BareDepot, kind: TaskKind, options: Partial<JobLoopOptions> = {}): JobLoopOptions {
  const jobs = createJobStore(depot.db)
  return {
    kinds: [kind],
    owner: depot.owner,
    jobs,
    ...loopParts(depot, kind, jobs),
    onEvent() {},
    isTransient: () => false,
    archiveTtlMs: depot.archiveTtlMs,
    now: () => new Date(),
    ...options
  }
}

/** Starts a job loop that ends when no job is queued. */
export function startQueued(options: JobLoopOptions): JobLoop {
  const { jobs } = options
  const loop = startJobLoop({
    ...options,
    jobs: {
      ...jobs,
      async claimNext(...args) {
        const job = await jobs.claimNext(...args)
        if (job === undefined) void loop.stop()
        return job
      }
    }
  })
  return loop
}

/** Runs all queued jobs of a kind to their end. */
export async function runQueued(
  depot: BareDepot,
  kind: TaskKind,
  options: Partial<JobLoopOptions> = {}
): Promise<void> {
  await startQueued(loopOf(depot, kind, options)).ended
}

/** The handler of imports. @param watch wraps the repository, so that a test observes or replaces its changes */
export function importLoop(
  depot: BareDepot,
  jobs: JobStore,
  watch: (repository: RepositoryDirectory) => RepositoryDirectory = (repository) => repository
): Omit<JobHandler, 'close'> {
  const context = { settings: depot, db: depot.db, jobs, onPacked() {} }
  const repository = watch(createRepositoryDirectory(depot.repositoryDirectory))
  return createImportHandler({ ...context, repository, pool: threadlessPool, freeBytes: async () => FREE_BYTES })
}

function loopParts(depot: BareDepot, kind: TaskKind, jobs: JobStore): Omit<JobHandler, 'close'> {
  const context = { settings: depot, db: depot.db, jobs, onPacked() {} }
  if (kind === 'export') return createExportHandler(context)
  if (kind === 'scan') return scanLoop(depot)
  return importLoop(depot, jobs)
}

function scanLoop(depot: BareDepot): Pick<JobLoopOptions, 'run'> {
  return {
    async run() {
      await depot.scan()
      return OPERATION_SUCCEEDED
    }
  }
}

/** Fails all queued jobs of a kind. */
export async function failQueued(depot: BareDepot, kind: TaskKind, message: Message): Promise<void> {
  const run = async () => {
    throw new TaskFailure(message, undefined)
  }
  await startQueued(loopOf(depot, kind, { run })).ended
}
