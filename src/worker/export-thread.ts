/** The thread that packs archives, one at a time. */
import { createArchiveDirectory } from '../files/archive-directory.ts'
import { createArchiveStore } from '../store/archive-store.ts'
import { createPlanStore } from '../store/plan-store.ts'
import { runExport } from './export-runner.ts'
import { hostLane } from './lane-host.ts'
import { threadPort } from './lane-port.ts'

hostLane(threadPort(), 'export', 'wait', ({ settings, db, works }) => {
  const directory = createArchiveDirectory(settings.archivesDirectory)
  const archives = createArchiveStore(db)
  const plans = createPlanStore(db)
  const nameOf = ({ planId }: { planId: number | null }) => archives.nameOf(planId ?? 0)
  return {
    async run(work, signal) {
      const plan = await plans.getPlan(work.planId ?? 0)
      return runExport({
        plan,
        plans,
        archiveName: await nameOf(work),
        token: work.token,
        checkpoint: work.checkpoint,
        repositoryDirectory: settings.repositoryDirectory,
        archives: directory,
        onProgress: (progress, checkpoint) => works.saveProgress(work, progress, checkpoint),
        signal
      })
    },
    // Whoever has the lease now may have published the archive too: it goes only when nobody will ever want it.
    async onTooLate(work) {
      const name = await nameOf(work)
      if (!(await archives.ownedNames([name])).has(name)) directory.remove(name)
    },
    onFailed: async (work) => directory.removeParts(await nameOf(work)),
    close: async () => {}
  }
})
