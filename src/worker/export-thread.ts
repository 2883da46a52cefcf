/** The thread that packs archives, one at a time. */
import { parentPort } from 'node:worker_threads'
import { createArchiveDirectory } from '../files/archive-directory.ts'
import { createPlanStore } from '../store/plan-store.ts'
import { answerDeskCommand, type DeskCommand } from './desk-messages.ts'
import { runExport } from './export-runner.ts'
import { hostLane } from './lane-host.ts'
import { type LaneCommand, threadPort } from './lane-port.ts'
import { createTaskDesk } from './task-desk.ts'

hostLane(threadPort(), 'export', 'wait', ({ settings, db }) => {
  const archives = createArchiveDirectory(settings.archivesDirectory)
  const plans = createPlanStore(db)
  // Work is accepted here too: planning a large export takes a moment and a commit waits for the disk, and both would keep
  // the thread that answers requests from answering.
  const desk = createTaskDesk(db, () => new Date())
  parentPort?.on('message', (message: LaneCommand | DeskCommand) => {
    if (typeof message === 'object') void answerDeskCommand(desk, message)
  })
  return {
    async run({ task, signal, onProgress }) {
      if (task.planId === null) throw new Error(`Export ${task.id} has no plan`)
      return runExport({
        plan: await plans.getPlan(task.planId),
        plans,
        archiveName: task.archiveName,
        repositoryDirectory: settings.repositoryDirectory,
        archives,
        onProgress,
        signal
      })
    },
    giveUp: ({ archiveName }) => archives.create(archiveName).discard(),
    close: async () => {}
  }
})
