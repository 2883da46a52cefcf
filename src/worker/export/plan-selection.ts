/** Plans the archive of a selection, from the current catalog. */
import type { Kysely } from 'kysely'
import type { Sample, Selection } from '../../core/export/export.ts'
import type { Plan, PlanEntry } from '../../core/export/plan.ts'
import {
  listOf,
  type Message,
  membersMissing,
  payloadsMissing,
  requisitesMissing
} from '../../core/problems/message.ts'
import { Problem } from '../../core/problems/problem.ts'
import { createSelectionStore, type PackageIds, type SelectionStore } from '../../store/catalog/selection-store.ts'
import type { Schema } from '../../store/engine/schema.ts'
import { createArchivePlanner } from './plan-archive.ts'

/** A longer list of unknown fixids ends with the number of the others. */
const MAX_NAMED_FIXIDS = 1_000

/** The plan, and what will be missing in the archive. */
export interface PlannedSelection {
  readonly plan: Plan
  readonly withoutPayload: Sample
  readonly missingMembers: Sample
  readonly missingRequisites: Sample
}

const NOTHING: Sample = { count: 0, first: [] }

/**
 * Plans the archive page by page: the memory that it needs does not grow with the selection.
 * @param db a transaction: all pages are of one state of the catalog
 * @param keep stores the entries, in their order
 * @throws Problem FIXID_UNKNOWN with the fixids that the catalog does not have, SELECTION_EMPTY when no package matches
 * the filter
 */
export async function planSelection(
  db: Kysely<Schema>,
  planId: number,
  request: Selection,
  keep: (entries: readonly PlanEntry[]) => Promise<void>
): Promise<PlannedSelection> {
  const selection = createSelectionStore(db)
  const ids = await selectedIds(selection, request)
  const planner = createArchivePlanner(await selection.sharedFiles(ids))
  for await (const packages of selection.pages(ids, request.scope)) await keep(planner.add(packages))
  return {
    plan: planner.finish(planId),
    withoutPayload: await selection.withoutPayload(ids),
    missingMembers: await selection.missingMembers(ids),
    missingRequisites: request.withRequisites === true ? await selection.missingRequisites(ids) : NOTHING
  }
}

/** The messages about what will be missing. */
export function notesOn({ withoutPayload, missingMembers, missingRequisites }: PlannedSelection): Message[] {
  const note = ({ count, first }: Sample, message: typeof payloadsMissing) => (count > 0 ? [message(first, count)] : [])
  return [
    ...note(withoutPayload, payloadsMissing),
    ...note(missingMembers, membersMissing),
    ...note(missingRequisites, requisitesMissing)
  ]
}

/** Includes the members of system packs, at any depth. */
async function selectedIds(selection: SelectionStore, request: Selection): Promise<PackageIds> {
  const { fixids, filter, withRequisites } = request
  if (fixids.length > 0) return selection.withMembers(await knownIds(selection, fixids), withRequisites)
  if (filter === undefined) return 'all'
  const ids = await selection.matchingPackages(filter)
  if (ids.size === 0) throw new Problem('SELECTION_EMPTY', 'No package of the repository fits the filter.')
  return selection.withMembers(ids, withRequisites)
}

async function knownIds(selection: SelectionStore, fixids: readonly string[]): Promise<Set<number>> {
  const { ids, unknown } = await selection.findPackages(fixids)
  if (unknown.length === 0) return ids
  const names = listOf(unknown.slice(0, MAX_NAMED_FIXIDS), unknown.length)
  throw new Problem('FIXID_UNKNOWN', `The repository has no package with these fixids: ${names}.`)
}
