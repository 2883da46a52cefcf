import type { LiveTotals, Task, TaskReader } from '../../../src/core/tasks/task.ts'

/** A running export, but for what is given. */
export function someTask(overrides: Partial<Task> = {}): Task {
  return {
    id: 12,
    kind: 'export',
    state: 'running',
    packagesDone: 1,
    packagesTotal: 3,
    bytesDone: 200,
    bytesTotal: 700,
    archiveName: 'repository20260105093000.zip',
    createdBy: 'admin',
    createdAt: new Date('2026-01-05T09:30:00Z'),
    startedAt: new Date('2026-01-05T09:30:01Z'),
    finishedAt: null,
    run: null,
    messages: [],
    ...overrides
  }
}

/** The sums over tasks that have not ended. */
export function totalsOf(tasks: readonly Task[]): LiveTotals {
  const sum = (value: (task: Task) => number) => tasks.reduce((total, task) => total + value(task), 0)
  return {
    count: tasks.length,
    queued: tasks.filter((task) => task.state === 'queued').length,
    packagesDone: sum((task) => task.packagesDone),
    packagesTotal: sum((task) => task.packagesTotal),
    bytesDone: sum((task) => task.bytesDone),
    bytesTotal: sum((task) => task.bytesTotal)
  }
}

/** Reads these tasks: for states that are hard to bring about. */
export function readerOf(all: readonly Task[]): TaskReader {
  const live = (kind: string | undefined) =>
    all.filter(
      (task) => (task.state === 'queued' || task.state === 'running') && (kind === undefined || task.kind === kind)
    )
  return {
    findTask: async (id) => all.find((task) => task.id === id),
    async *taskPages() {
      yield [...all].reverse()
    },
    taskPage: async ({ kind }, before, limit) =>
      [...all]
        .reverse()
        .filter((task) => task.kind === kind && task.id < before)
        .slice(0, limit),
    endedTasks: async () => [],
    lastEndNumber: async () => 0,
    liveTasks: async (kind, limit) => live(kind).slice(0, limit),
    liveTotals: async (kind) => totalsOf(live(kind))
  }
}
