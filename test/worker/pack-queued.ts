/** Accepts exports and packs them in this thread, when a test says so. */
import fs from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import type { ArchiveStorage } from '../../src/core/archive-storage.ts'
import type { AcceptedTask, Selection } from '../../src/core/export.ts'
import type { Task, TaskProgress, TaskReader } from '../../src/core/task.ts'
import { type Checkpoint, FROM_THE_START } from '../../src/core/work.ts'
import { createArchiveDirectory } from '../../src/files/archive-directory.ts'
import { createRepositoryDirectory } from '../../src/files/repository-directory.ts'
import { createArchiveStore } from '../../src/store/archive-store.ts'
import { createPlanStore } from '../../src/store/plan-store.ts'
import { createTaskStore } from '../../src/store/task-store.ts'
import { createWorkStore, type WorkStore } from '../../src/store/work-store.ts'
import { createExportHandler, type ExportStores, runExport } from '../../src/worker/export/run-export.ts'
import { type BareDepot, makeDepot } from '../helpers/depot.ts'
import type { Files } from '../helpers/packages.ts'
import { makeDesk, runQueued } from '../helpers/worker.ts'

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
  /** Runs all work that waits, and gives back how this task is then, what was thrown, and how far it was on the way. */
  settle(accepted: AcceptedTask): Promise<{ task: Task; error: unknown; progress: TaskProgress[] }>
  /** The number of the plan of a task's archive. */
  planIdOf(accepted: AcceptedTask): Promise<number>
  /** What lies in the directory of archives. */
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
  const desk = makeDesk(depot)

  async function planIdOf({ task: { archiveName } }: AcceptedTask): Promise<number> {
    const query = db.selectFrom('plan').select('id').where('archive_name', '=', archiveName)
    return (await query.executeTakeFirstOrThrow()).id
  }

  return {
    ...depot,
    tasks,
    accept: (selection = {}) =>
      desk.requestExport({ selection: { ...EVERYTHING, ...selection }, requestedBy: 'tester' }),
    async runExport(accepted, options = {}) {
      const { onProgress = async () => {}, storage = createArchiveDirectory(archivesDirectory) } = options
      const stores: ExportStores = {
        works: { saveProgress: (_, progress, checkpoint = FROM_THE_START) => onProgress(progress, checkpoint) },
        plans: createPlanStore(db),
        archives: createArchiveStore(db),
        storage,
        repository: createRepositoryDirectory(repositoryDirectory),
        onPacked() {}
      }
      const { token = 1, checkpoint = FROM_THE_START, signal = new AbortController().signal } = options
      return runExport(stores, { workId: 1, planId: await planIdOf(accepted), token, checkpoint }, signal)
    },
    async settle({ task: { id } }) {
      const progress: TaskProgress[] = []
      let error: unknown
      const works = createWorkStore(db)
      const watched: WorkStore = {
        ...works,
        saveProgress(lease, report, checkpoint) {
          progress.push(report)
          return works.saveProgress(lease, report, checkpoint)
        }
      }
      await runQueued(depot, 'export', {
        ...createExportHandler({ settings: depot, db, works: watched, onPacked() {} }),
        onEvent(_event, work, cause) {
          if (work.taskId === id) error = cause
        }
      })
      return { task: (await tasks.findTask(id)) as Task, error, progress }
    },
    planIdOf,
    archives: () => fs.readdirSync(archivesDirectory).sort(),
    archivePath: ({ task }) => path.join(archivesDirectory, task.archiveName)
  }
}

/** A file of zeros, which takes no room on the disk, with a mark at its end. */
export function writeSparse(file: string, size: number, mark: string): void {
  fs.writeFileSync(file, '')
  fs.truncateSync(file, size - mark.length)
  fs.appendFileSync(file, mark)
}
