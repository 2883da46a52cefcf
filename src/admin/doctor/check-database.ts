import { knownMigrations } from '../../store/engine/migrations.ts'
import type { InspectionStore } from '../../store/maintenance/inspection-store.ts'
import type { Findings } from './findings.ts'

/** Checks the integrity of the SQLite file. */
export async function checkFile(store: InspectionStore, findings: Findings): Promise<void> {
  for (const damage of await store.damages()) findings.report('database', `It is damaged: ${damage}`)
}

/** Checks that every reference leads to an existing row. */
export async function checkReferences(store: InspectionStore, findings: Findings): Promise<void> {
  for (const { table, parent, count } of await store.danglingRows()) {
    findings.report('database', `${count} rows of the table ${table} refer to rows of ${parent} that do not exist.`)
  }
}

/** Whether the database has the schema of this version. The rows of another schema cannot be checked. */
export async function hasThisSchema(store: InspectionStore, findings: Findings): Promise<boolean> {
  const known = knownMigrations()
  const applied = await store.appliedMigrations()
  const unknown = applied.filter((name) => !known.includes(name))
  const newest = known.at(-1)
  if (unknown.length > 0) {
    findings.giveUp(
      `The database has the schema ${unknown.at(-1)}, but this version knows no schema newer than ${newest}.`
    )
    return false
  }
  if (applied.length === known.length) return true
  findings.giveUp(
    `The database has the schema ${applied.at(-1) ?? 'of no version'}, older than ${newest}. Start the server, or run fixdepot migrate.`
  )
  return false
}
