/** The thread that packs archives, one at a time. */
import { createArchiveDirectory } from '../files/archive-directory.ts'
import { createPlanStore } from '../store/plan-store.ts'
import { runExport } from './export-runner.ts'
import { runLaneThread } from './lane-thread.ts'

runLaneThread('export', ({ settings, db }) => {
  const archives = createArchiveDirectory(settings.archivesDirectory)
  const plans = createPlanStore(db)
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
    close: async () => {}
  }
})
