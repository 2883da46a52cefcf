/**
 * `fixdepot migrate-store`: copies a stopped depot into another database, and its archives into another storage. The
 * source is not changed.
 */
import fs from 'node:fs'
import { ConfigError } from '../../config/config-error.ts'
import { verifyChain } from '../../core/accounts/verify-audit-chain.ts'
import { describeDatabaseError, isDatabaseError } from '../../core/problems/database-error.ts'
import { Refusal } from '../../core/problems/refusal.ts'
import { StorageError } from '../../core/problems/storage-error.ts'
import { checkDirectories } from '../../server/check-directories.ts'
import { refuseIfServersRun } from '../../server/join-cluster.ts'
import { openArchiveStorage } from '../../storage/open-archive-storage.ts'
import { createAuditInspection } from '../../store/accounts/audit-store.ts'
import { createServerStore } from '../../store/cluster/server-store.ts'
import { type Database, openDepotDatabase, openDepotReadOnly, readIdentity } from '../../store/engine/database.ts'
import { lockDatabase } from '../../store/engine/database-lock.ts'
import { DatabaseUnusable } from '../../store/engine/database-unusable.ts'
import { acquireInstanceLock, type InstanceLock, InstanceLocked, lockFileIn } from '../../store/engine/instance-lock.ts'
import { createInspectionStore } from '../../store/maintenance/inspection-store.ts'
import { readLastIds, writeLastIds } from '../../store/maintenance/last-ids.ts'
import { moveTable, sumOfSource, sumOfTarget } from '../../store/maintenance/move-rows.ts'
import { beginMove, endMove, judgeTarget, type MoveTarget, stateOf } from '../../store/maintenance/move-state.ts'
import { MOVED_TABLES } from '../../store/maintenance/moved-tables.ts'
import { createPlanStore } from '../../store/tasks/plan-store.ts'
import { hasThisSchema } from '../doctor/check-database.ts'
import { type MovedArchives, moveArchives } from './move-archives.ts'
import type { MoveLocations } from './move-locations.ts'

export interface MoveResult {
  /** Equal in source and target; undefined when the database is not moved. */
  readonly tables: { readonly count: number; readonly rows: number } | undefined
  /** Undefined when the archives are not moved. */
  readonly archives: MovedArchives | undefined
}

type Log = (line: string) => void

/**
 * Moves what is not moved yet: after an interruption the same call continues.
 * @param settings name of the file with the settings of the target, for sentences
 * @throws Refusal, ConfigError, InstanceLocked, DatabaseUnusable
 */
export async function migrateStore(locations: MoveLocations, settings: string, log: Log): Promise<MoveResult> {
  const { source, target } = locations
  if (source.databaseUrl === undefined && !fs.existsSync(source.databaseFile))
    throw new Refusal(`There is no database at ${source.databaseFile}.`)
  const locks: InstanceLock[] = []
  const connections: Database[] = []
  try {
    locks.push(acquireInstanceLock(lockFileIn(source.dataDirectory)))
    if (source.databaseUrl !== undefined) locks.push(await lockDatabase(source.databaseUrl))
    const from = openDepotReadOnly(source)
    connections.push(from)
    await refuseUnsound(from)
    if (source.databaseUrl !== undefined) await refuseIfServersRun(createServerStore(from))
    await inFile(settings, async () => {
      await checkDirectories(target)
      if (target.dataDirectory !== source.dataDirectory)
        locks.push(acquireInstanceLock(lockFileIn(target.dataDirectory)))
      if (locations.isDatabaseMoved && target.databaseUrl !== undefined)
        locks.push(await lockDatabase(target.databaseUrl))
    })
    if (!locations.isDatabaseMoved)
      return { tables: undefined, archives: await moveFiles(locations, from, NO_STATE, log) }
    const to = await inFile(settings, async () => openDepotDatabase(target, 1, true))
    connections.push(to)
    return await moveAll(locations, settings, { from, to }, log)
  } catch (error) {
    throw toRefusal(error)
  } finally {
    for (const db of connections) await db.destroy()
    for (const lock of locks) lock.release()
  }
}

interface Sides {
  readonly from: Database
  readonly to: Database
}

async function moveAll(locations: MoveLocations, settings: string, { from, to }: Sides, log: Log): Promise<MoveResult> {
  const identity = await readIdentity(from)
  const judged = await inFile(settings, () => judgeTarget(to, MOVED_TABLES, identity))
  if (judged === 'empty') await inFile(settings, () => beginMove(to, identity))
  else if (judged === 'begun') log('An interrupted move continues.')
  else throw new Refusal(`The database that ${settings} names ${REASONS[judged]} Nothing was changed there.`)

  for (const table of MOVED_TABLES) {
    await moveTable(from, to, table)
    log(`Moved table ${table.name}`)
  }
  const archives = locations.areArchivesMoved ? await moveFiles(locations, from, stateOf(to), log) : undefined
  const rows = await compare({ from, to })
  await writeLastIds(to, await readLastIds(from))
  await endMove(to)
  return { tables: { count: MOVED_TABLES.length, rows }, archives }
}

const REASONS: Readonly<Record<Exclude<MoveTarget, 'empty' | 'begun'>, string>> = {
  taken: 'contains another depot. Name an empty one.',
  'this depot': 'already contains this depot from an earlier complete move. To move it again, name an empty one.',
  'of another version': 'contains the tables of another version of fixdepot. Name an empty one.'
}

/** @returns the number of all rows @throws Refusal when source and target differ */
async function compare({ from, to }: Sides): Promise<number> {
  let count = 0
  for (const table of MOVED_TABLES) {
    const [here, there] = [await sumOfSource(from, table), await sumOfTarget(to, table)]
    if (here.rows !== there.rows || here.digest !== there.digest) {
      const numbers = `${here.rows} rows in the source and ${there.rows} in the target`
      throw new Refusal(
        `The table ${table.name} differs: ${numbers}, with the digests ${here.digest} and ${there.digest}. ` +
          'Another program has changed one of them. Empty the target database, and start again.'
      )
    }
    count += here.rows
  }
  return count
}

/** Without a state, existing archives are read back again after an interruption. */
const NO_STATE = { get: async () => undefined, set: async () => {} }

async function moveFiles(
  { source, target }: MoveLocations,
  db: Database,
  state: Parameters<typeof moveArchives>[0]['state'],
  log: Log
): Promise<MovedArchives> {
  const [from, to] = [openArchiveStorage(source), openArchiveStorage(target)]
  try {
    return await moveArchives({
      from,
      to,
      store: createInspectionStore(db),
      plans: createPlanStore(db),
      state: {
        get: (name) => state.get(`archive ${name}`),
        set: (name, value) => state.set(`archive ${name}`, value)
      },
      onMoved: (name) => log(`Moved archive ${name}`)
    })
  } finally {
    from.close()
    to.close()
  }
}

async function refuseUnsound(db: Database): Promise<void> {
  const refuse = (sentence: string) => {
    throw new Refusal(sentence)
  }
  await hasThisSchema(createInspectionStore(db), {
    giveUp: refuse,
    report: (_, sentence) => refuse(sentence),
    note() {}
  })
  const audit = createAuditInspection(db)
  const { flaw } = await verifyChain(audit.records(), { hasHash: audit.hasHash })
  if (flaw !== undefined) refuse(`The audit trail was changed, and cannot be moved. ${flaw.sentence}`)
}

/** Adds the file of settings to the message of an error that it causes. */
async function inFile<T>(settings: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    const isOfTarget = [ConfigError, DatabaseUnusable, InstanceLocked].some((type) => error instanceof type)
    if (isOfTarget) throw new Refusal(`With ${settings}: ${(error as Error).message}`, { cause: error })
    throw error
  }
}

const AGAIN = 'Run the same command again: it continues the move.'

function toRefusal(error: unknown): unknown {
  if (error instanceof StorageError) return new Refusal(`${error.message} ${AGAIN}`, { cause: error })
  if (isDatabaseError(error)) return new Refusal(`${describeDatabaseError(error)} ${AGAIN}`, { cause: error })
  return error
}
