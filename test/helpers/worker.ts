/** The worker in this thread: a desk, and lanes that run what waits when a test says so. */

import type { TaskCommands } from '../../src/core/export.ts'
import { type Message, OPERATION_SUCCEEDED } from '../../src/core/message.ts'
import type { TaskKind } from '../../src/core/task.ts'
import { createIncomingDirectory } from '../../src/files/incoming-directory.ts'
import { putAside } from '../../src/files/put-aside.ts'
import { createRepositoryDirectory, type RepositoryDirectory } from '../../src/files/repository-directory.ts'
import { createWorkStore, type WorkStore } from '../../src/store/work-store.ts'
import {
  createImportDesk,
  type ImportDeskOptions,
  type SweepingImportCommands
} from '../../src/worker/accept-import.ts'
import { createExportHandler } from '../../src/worker/export/run-export.ts'
import { createImportLane } from '../../src/worker/import-lane.ts'
import { type Lane, type LaneOptions, startLane, TaskFailure } from '../../src/worker/lane.ts'
import type { PreparedLane } from '../../src/worker/lane-host.ts'
import { openArchiveStorage } from '../../src/worker/open-archive-storage.ts'
import { createTaskDesk, type DeskOptions } from '../../src/worker/task-desk.ts'
import { type BareDepot, threadlessPool } from './depot.ts'
import type { Files } from './packages.ts'

/** A volume with room for everything. */
const FREE_BYTES = 2 ** 50

export function makeDesk(depot: BareDepot, options: Partial<DeskOptions> = {}): TaskCommands {
  return createTaskDesk({
    db: depot.db,
    archives: openArchiveStorage(depot),
    freeBytes: () => FREE_BYTES,
    putAside: (paths) => putAside(depot.repositoryDirectory, paths),
    archiveTtlMs: depot.archiveTtlMs,
    userLimits: depot.userLimits,
    now: () => new Date(),
    ...options
  })
}

export function makeImportDesk(depot: BareDepot, options: Partial<ImportDeskOptions> = {}): SweepingImportCommands {
  return createImportDesk({
    db: depot.db,
    owner: depot.owner,
    incoming: createIncomingDirectory(depot.repositoryDirectory),
    freeRepositoryBytes: async () => FREE_BYTES,
    userLimits: depot.userLimits,
    now: () => new Date(),
    ...options
  })
}

/** Queues an import of these files, as the route would; gives back its task's number. */
export async function queueImport(depot: BareDepot, files: Files, isReplacing = false): Promise<number> {
  const desk = makeImportDesk(depot)
  const upload = await desk.beginUpload({ size: undefined, jobId: undefined, requestedBy: 'ann' })
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
  const { task } = await desk.finishUpload({
    upload,
    files: received,
    jobId: undefined,
    isReplacing,
    requestedBy: 'ann'
  })
  return task.id
}

/** By default the lane does the work; see `startQueued`. */
export function laneOf(depot: BareDepot, kind: TaskKind, options: Partial<LaneOptions> = {}): LaneOptions {
  const works = createWorkStore(depot.db)
  return {
    kinds: [kind],
    owner: depot.owner,
    works,
    ...laneParts(depot, kind, works),
    onEvent() {},
    isPassing: () => false,
    archiveTtlMs: depot.archiveTtlMs,
    now: () => new Date(),
    ...options
  }
}

/** A lane that ends with the last work that waits. */
export function startQueued(options: LaneOptions): Lane {
  const { works } = options
  const lane = startLane({
    ...options,
    works: {
      ...works,
      async claimNext(...args) {
        const work = await works.claimNext(...args)
        if (work === undefined) void lane.stop()
        return work
      }
    }
  })
  return lane
}

/** Runs what waits of a kind to its end. */
export async function runQueued(depot: BareDepot, kind: TaskKind, options: Partial<LaneOptions> = {}): Promise<void> {
  await startQueued(laneOf(depot, kind, options)).ended
}

/** How a lane does imports. @param watch what is told when the repository changes, or puts something in its place */
export function importLane(
  depot: BareDepot,
  works: WorkStore,
  watch: (repository: RepositoryDirectory) => RepositoryDirectory = (repository) => repository
): Omit<PreparedLane, 'close'> {
  const context = { settings: depot, db: depot.db, works, onPacked() {} }
  const repository = watch(createRepositoryDirectory(depot.repositoryDirectory))
  return createImportLane({ ...context, repository, pool: threadlessPool, freeBytes: async () => FREE_BYTES })
}

function laneParts(depot: BareDepot, kind: TaskKind, works: WorkStore): Omit<PreparedLane, 'close'> {
  const context = { settings: depot, db: depot.db, works, onPacked() {} }
  if (kind === 'export') return createExportHandler(context)
  if (kind === 'scan') return scanLane(depot)
  return importLane(depot, works)
}

function scanLane(depot: BareDepot): Pick<LaneOptions, 'run'> {
  return {
    async run() {
      await depot.scan()
      return OPERATION_SUCCEEDED
    }
  }
}

/** Ends what waits of a kind as failed. */
export async function failQueued(depot: BareDepot, kind: TaskKind, message: Message): Promise<void> {
  const run = async () => {
    throw new TaskFailure(message, undefined)
  }
  await startQueued(laneOf(depot, kind, { run })).ended
}
