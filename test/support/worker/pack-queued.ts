/** Accepts exports and packs them in this thread, when a test says so. */
import fs from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import type { Selection } from '../../../src/core/export/export.ts'
import type { AcceptedTask } from '../../../src/core/export/task-commands.ts'
import type { ArchiveStorage } from '../../../src/core/storage/archive-storage.ts'
import { type Checkpoint, FROM_THE_START } from '../../../src/core/tasks/job.ts'
import type { Task, TaskProgress, TaskReader } from '../../../src/core/tasks/task.ts'
import { createArchiveDirectory } from '../../../src/storage/disk/archive-directory.ts'
import { createRepositoryDirectory } from '../../../src/storage/disk/repository-directory.ts'
import { createArchiveStore } from '../../../src/store/tasks/archive-store.ts'
import { createJobStore, type JobStore } from '../../../src/store/tasks/job-store.ts'
import { createPlanStore } from '../../../src/store/tasks/plan-store.ts'
import { createTaskStore } from '../../../src/store/tasks/task-store.ts'
import { createExportHandler, type ExportStores, runExport } from '../../../src/worker/export/run-export.ts'
import { type BareDepot, makeDepot } from '../depot.ts'
import type { Files } from '../packages.ts'
import { makeCommands, runQueued } from '../worker.ts'

export const EVERYTHING: Selection = { fixids: [], scope: 'all' }

/** By default the first run, of which no test observes the progress. */
export interface ExportOptions {
  readonly token?: number
  readonly checkpoint?: Checkpoint
  readonly storage?: ArchiveStorage
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: TaskProgress, checkpoint: Checkpoint) => Promise<void>
}

export interface ExportDepot extends BareDepot {
  readonly tasks: TaskReader
  /** Accepts an export, by default of everything. */
  accept(selection?: Partial<Selection>): Promise<AcceptedTask>
  /** Runs the export that an accepted task stands for, without the task. */
  runExport(accepted: AcceptedTask, options?: ExportOptions): ReturnType<typeof runExport>
  /** Runs all queued jobs; returns the task afterwards, the error, and the progress on the way. */
  settle(accepted: AcceptedTask): Promise<{ task: Task; error: unknown; progress: TaskProgress[] }>
  /** The number of the plan of a task's archive. */
  planIdOf(accepted: AcceptedTask): Promise<number>
  /** The files in the directory of archives. */
  archives(): string[]
  archivePath(accepted: AcceptedTask): string
}

/** A depot with these files in its repository; they are read when a test says `scan`. */
export async function makeExportDepot(t: Test, files: Files = {}): Promise<ExportDepot> {
  // tap removes the test's directory before the teardowns, unless there was one already.
  t.teardown(() => {})
  const depot = await makeDepot(t, files)
  const { db, repositoryDirectory, archivesDirectory } = depot
  const tasks = createTaskStore(db)
  const commands = makeCommands(depot)

  async function planIdOf({ task: { archiveName } }: AcceptedTask): Promise<number> {
    const query = db.selectFrom('plan').select('id').where('archive_name', '=', archiveName)
    return (await query.executeTakeFirstOrThrow()).id
  }

  return {
    ...depot,
    tasks,
    accept: (selection = {}) =>
      commands.requestExport({ selection: { ...EVERYTHING, ...selection }, requestedBy: 'tester' }),
    async runExport(accepted, options = {}) {
      const { onProgress = async () => {}, storage = createArchiveDirectory(archivesDirectory) } = options
      const stores: ExportStores = {
        jobs: { saveProgress: (_, progress, checkpoint = FROM_THE_START) => onProgress(progress, checkpoint) },
        plans: createPlanStore(db),
        archives: createArchiveStore(db),
        storage,
        repository: createRepositoryDirectory(repositoryDirectory),
        onPacked() {}
      }
      const { token = 1, checkpoint = FROM_THE_START, signal = new AbortController().signal } = options
      return runExport(stores, { jobId: 1, planId: await planIdOf(accepted), token, checkpoint }, signal)
    },
    async settle({ task: { id } }) {
      const progress: TaskProgress[] = []
      let error: unknown
      const jobs = createJobStore(db)
      const heartbeats: JobStore = {
        ...jobs,
        saveProgress(lease, report, checkpoint) {
          progress.push(report)
          return jobs.saveProgress(lease, report, checkpoint)
        }
      }
      await runQueued(depot, 'export', {
        ...createExportHandler({ settings: depot, db, jobs: heartbeats, onPacked() {} }),
        onEvent(_event, job, cause) {
          if (job.taskId === id) error = cause
        }
      })
      return { task: (await tasks.findTask(id)) as Task, error, progress }
    },
    planIdOf,
    archives: () => fs.readdirSync(archivesDirectory).sort(),
    archivePath: ({ task }) => path.join(archivesDirectory, task.archiveName)
  }
}

/** A sparse file of zeros with a mark at its end. */
export function writeSparse(file: string, size: number, mark: string): void {
  fs.writeFileSync(file, '')
  fs.truncateSync(file, size - mark.length)
  fs.appendFileSync(file, mark)
}
