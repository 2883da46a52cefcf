/**
 * Plans of streamed archives, which are downloaded without being packed. A client that downloads an archive in many
 * ranges requests the same plan many times.
 */
import { LRUCache } from 'lru-cache'
import type { Selection } from '../../core/export/export.ts'
import type { Plan } from '../../core/export/plan.ts'
import { catalogVersion } from '../../store/engine/change-counter.ts'
import type { Database } from '../../store/engine/database.ts'
import { writeTransaction } from '../../store/engine/transactions.ts'
import { createArchiveStore } from '../../store/tasks/archive-store.ts'
import { createPlanStore } from '../../store/tasks/plan-store.ts'
import { planSelection } from './plan-selection.ts'

/** Longer than any pause before a download is resumed. */
const KEPT_MS = 24 * 3_600_000
const MAX_REMEMBERED = 16

export interface DownloadPlanner {
  /** The plan of this selection in the current catalog. @throws Problem as `planSelection` does */
  plan(selection: Selection): Promise<Plan>
  /** To be called before this connection changes the catalog. */
  forget(): void
}

interface Remembered {
  readonly plan: Plan
  /** It changes when another connection changes the catalog. */
  readonly version: number | string
}

/** @param db other code that changes the catalog on this connection calls `forget` */
export function createDownloadPlanner(db: Database, now: () => Date): DownloadPlanner {
  const remembered = new LRUCache<string, Remembered>({ max: MAX_REMEMBERED })

  return {
    plan: (selection) =>
      // No other connection changes the catalog before this transaction has ended.
      writeTransaction(db, async (trx) => {
        const until = new Date(now().getTime() + KEPT_MS)
        const key = JSON.stringify(selection)
        const archives = createArchiveStore(trx)
        const known = remembered.get(key)
        const keptId = known && (await archives.keepStreamed(known.plan.digest, until))
        if (known !== undefined && known.plan.id === keptId && known.version === (await catalogVersion(trx)))
          return known.plan
        const plan = await planAnew(trx, selection, until)
        remembered.set(key, { plan, version: await catalogVersion(trx) })
        return plan
      }),
    forget: () => remembered.clear()
  }
}

/** The stored plan of this content, or a new one. */
async function planAnew(trx: Database, selection: Selection, until: Date): Promise<Plan> {
  const plans = createPlanStore(trx)
  const planId = await plans.begin()
  const { plan } = await planSelection(trx, planId, selection, (entries) => plans.addEntries(planId, entries))
  const known = await createArchiveStore(trx).keepStreamed(plan.digest, until)
  if (known === undefined) {
    await plans.completeStreamed(plan, until)
    return plan
  }
  await plans.drop(planId)
  return { ...plan, id: known }
}
