/** `fixdepot audit`: checks the audit trail, and writes it out; both also while the server runs. */
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { auditLine } from '../core/accounts/audit.ts'
import { verifyChain } from '../core/accounts/audit-chain.ts'
import { describeDatabaseError, isDatabaseError } from '../core/problems/database-error.ts'
import { Refusal } from '../core/problems/refusal.ts'
import { reasonOf } from '../core/problems/system-error.ts'
import { parseUtcTime } from '../core/time-text.ts'
import { type AuditInspection, createAuditInspection } from '../store/accounts/audit-store.ts'
import { type DatabaseLocation, openDepotReadOnly } from '../store/engine/database.ts'
import { createInspectionStore } from '../store/maintenance/inspection-store.ts'
import { checkProtection } from './doctor/check-audit.ts'
import { hasThisSchema } from './doctor/check-database.ts'
import { createFindings, SOUND, UNKNOWN, UNSOUND } from './doctor/findings.ts'

type Location = DatabaseLocation

const HASH = /^[0-9a-f]{64}$/

export interface VerifyAuditOptions {
  /** A hash that a record must have: that of the last one, as it was when it was kept elsewhere. */
  readonly expected?: string | undefined
  /** Takes a line without its end. */
  readonly print: (line: string) => void
}

/**
 * Follows the chain, and says how long it is and where it ends, or which record is the first that does not fit.
 * @returns the code to exit with: 0 all is sound, 1 something is not, 2 it could not be checked
 * @throws Refusal, DatabaseUnusable
 */
export async function verifyAudit(location: Location, { expected, print }: VerifyAuditOptions): Promise<number> {
  if (expected !== undefined && !HASH.test(expected)) {
    throw new Refusal('--expect takes a hash as this command prints it: 64 hexadecimal digits.')
  }
  const code = await inspect(location, print, async (store) => {
    const { count, first, last, flaw } = await verifyChain(store.records(), { hasHash: store.hasHash, expected })
    if (flaw !== undefined) print(`audit: ${flaw.sentence}`)
    const sound = flaw === undefined ? 'Records, all of them sound' : 'Sound records before that'
    print(`${sound}: ${count}.`)
    if (first !== undefined) print(`first: number ${first.number}, ${first.time}, hash ${first.hash}`)
    if (last !== undefined) print(`last: number ${last.number}, ${last.time}, hash ${last.hash}`)
    let isProtected = true
    await checkProtection(store, (sentence) => {
      isProtected = false
      print(`audit: ${sentence}`)
    })
    return flaw === undefined && isProtected ? SOUND : UNSOUND
  })
  return code ?? UNKNOWN
}

export interface ExportAuditOptions {
  /** A day or a time, as `parseUtcTime` takes it. */
  readonly since?: string | undefined
  /** Records of this time and later ones are left out. */
  readonly until?: string | undefined
  readonly output: Writable
}

/**
 * Writes the records in their order, a line of JSON for each, and never more than a page of them ahead of who reads.
 * Nothing is checked.
 * @throws Refusal, DatabaseUnusable
 */
export async function exportAudit(location: Location, { since, until, output }: ExportAuditOptions): Promise<void> {
  const from = timeOf('--since', since)
  const before = timeOf('--until', until)
  const log = (sentence: string): void => {
    throw new Refusal(sentence)
  }
  // It shows at the next write.
  output.on('error', () => {})
  await inspect(location, log, async (store) => {
    for await (const record of store.records(from, before)) await writeLine(output, auditLine(record))
  })
}

/** Undefined when the rows are not such as this version knows. */
async function inspect<T>(
  location: Location,
  print: (line: string) => void,
  inspectStore: (store: AuditInspection) => Promise<T>
): Promise<T | undefined> {
  const db = openDepotReadOnly(location)
  try {
    if (!(await hasThisSchema(createInspectionStore(db), createFindings(print)))) return undefined
    return await inspectStore(createAuditInspection(db))
  } catch (error) {
    if (!isDatabaseError(error)) throw error
    throw new Refusal(describeDatabaseError(error), { cause: error })
  } finally {
    await db.destroy()
  }
}

function timeOf(option: string, text: string | undefined): Date | undefined {
  const time = text === undefined ? undefined : parseUtcTime(text)
  if (text === undefined || time !== undefined) return time
  throw new Refusal(`${option} takes a day or a time in UTC, such as 2026-01-05 or 2026-01-05T09:30:00Z.`)
}

/** @throws Refusal when nobody takes it any more */
async function writeLine(output: Writable, line: string): Promise<void> {
  try {
    if (output.errored) throw output.errored
    if (!output.write(`${line}\n`)) await once(output, 'drain')
  } catch (error) {
    throw new Refusal(`The output cannot be written: ${reasonOf(error)}.`, { cause: error })
  }
}
