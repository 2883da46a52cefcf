/** What a lane that packs archives needs, and does. */
import { createRepositoryDirectory } from '../files/repository-directory.ts'
import { createArchiveStore } from '../store/archive-store.ts'
import { createPlanStore } from '../store/plan-store.ts'
import { runExport } from './export-runner.ts'
import type { LaneContext, PreparedLane } from './lane-host.ts'
import { openOwnArchives } from './own-archives.ts'

export function createExportLane({ settings, db, works, onPacked }: LaneContext): PreparedLane {
  const storage = openOwnArchives(settings)
  const repository = createRepositoryDirectory(settings.repositoryDirectory)
  const archives = createArchiveStore(db)
  const plans = createPlanStore(db)
  const nameOf = ({ planId }: { planId: number | null }) => archives.nameOf(planId ?? 0)
  return {
    async run(work, signal) {
      const plan = await plans.getPlan(work.planId ?? 0)
      let packed = work.checkpoint.offset
      return runExport({
        plan,
        plans,
        archiveName: await nameOf(work),
        token: work.token,
        checkpoint: work.checkpoint,
        repository,
        archives: storage,
        async onProgress(progress, checkpoint) {
          await works.saveProgress(work, progress, checkpoint)
          onPacked(Math.max(0, progress.bytesDone - packed))
          packed = progress.bytesDone
        },
        signal
      })
    },
    // Whoever has the lease now may have published the archive too: it goes only when nobody will ever want it.
    async onTooLate(work) {
      const name = await nameOf(work)
      if (!(await archives.ownedNames([name])).has(name)) await storage.remove(name)
    },
    // A worker that died may have published it already; nobody else ever gets an archive of this name.
    async onFailed(work) {
      const name = await nameOf(work)
      await storage.removeParts(name)
      await storage.remove(name)
    },
    async close() {
      storage.close()
    }
  }
}
