/** Accepts exports and packs them in this thread, when a test says so. */
import fs from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import type { AcceptedTask, Selection } from '../../src/core/export.ts'
import type { Task, TaskProgress } from '../../src/core/task.ts'
import { createArchiveDirectory } from '../../src/files/archive-directory.ts'
import { createPlanStore } from '../../src/store/plan-store.ts'
import { createTaskStore, type TaskStore } from '../../src/store/task-store.ts'
import { type ExportRun, runExport } from '../../src/worker/export-runner.ts'
import { startLane } from '../../src/worker/lane.ts'
import { createTaskDesk } from '../../src/worker/task-desk.ts'
import { type BareDepot, makeDepot } from '../helpers/depot.ts'
import type { Files } from '../helpers/packages.ts'

export const EVERYTHING: Selection = { fixids: [], scope: 'all' }

export interface ExportDepot extends BareDepot {
  readonly tasks: TaskStore
  /** Accepts an export, by default of everything. */
  accept(selection?: Partial<Selection>): Promise<AcceptedTask>
  /** Runs the export that an accepted task stands for, without the task. */
  runExport(accepted: AcceptedTask, options?: Partial<ExportRun>): ReturnType<typeof runExport>
  /** Runs all tasks that wait, and gives back how this one is then, and what was thrown. */
  settle(accepted: AcceptedTask): Promise<{ task: Task; error: unknown; progress: TaskProgress[] }>
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
  const [tasks, plans, archives] = [createTaskStore(db), createPlanStore(db), createArchiveDirectory(archivesDirectory)]
  const desk = createTaskDesk(db, () => new Date())

  async function run(task: { planId: number | null; archiveName: string }, options: Partial<ExportRun>) {
    const plan = await plans.getPlan(task.planId ?? 0)
    const { archiveName } = task
    const signal = new AbortController().signal
    const run = { plan, plans, archiveName, repositoryDirectory, archives, signal, onProgress() {} }
    return runExport({ ...run, ...options })
  }

  return {
    ...depot,
    tasks,
    accept: (selection = {}) =>
      desk.requestExport({ selection: { ...EVERYTHING, ...selection }, requestedBy: 'tester' }),
    async runExport({ task }, options = {}) {
      const { plan_id } = await db
        .selectFrom('task')
        .select('plan_id')
        .where('id', '=', task.id)
        .executeTakeFirstOrThrow()
      return run({ planId: plan_id, archiveName: task.archiveName }, options)
    },
    async settle({ task: { id } }) {
      const progress: TaskProgress[] = []
      let error: unknown
      await startLane({
        kind: 'export',
        tasks,
        run: (claimed, signal) => run(claimed, { signal, onProgress: (report) => progress.push(report) }),
        onStart() {},
        onEnd(ended, cause) {
          if (ended.id === id) error = cause
        },
        whenIdle: 'end',
        now: () => new Date()
      }).ended
      return { task: (await tasks.findTask(id)) as Task, error, progress }
    },
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
