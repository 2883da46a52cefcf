/** `fixdepot audit`: checks the audit trail, or exports it. The server may run. */
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { auditLine } from '../core/accounts/audit-chain.ts'
import { verifyChain } from '../core/accounts/verify-audit-chain.ts'
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
  /** A hash that a record must have, such as that of the last record at an earlier check. */
  readonly expected?: string | undefined
  /** Gets a line without its line break. */
  readonly print: (line: string) => void
}

/**
 * Checks the hash chain, and prints its length and its ends, or the first record that does not match.
 * @returns the exit code: 0 sound, 1 not sound, 2 it could not be checked
 * @throws Refusal, DatabaseUnusable
 */
export async function verifyAudit(location: Location, { expected, print }: VerifyAuditOptions): Promise<number> {
  if (expected !== undefined && !HASH.test(expected)) {
    throw new Refusal('--expect must be a hash as this command prints it: 64 hexadecimal digits.')
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
  /** A day or a time in UTC, in the form of `parseUtcTime`. */
  readonly since?: string | undefined
  /** Only records before this time. */
  readonly until?: string | undefined
  readonly output: Writable
}

/**
 * Writes the records in order, one line of JSON for each. At most one page is read ahead of the consumer. The hashes
 * are not checked.
 * @throws Refusal, DatabaseUnusable
 */
export async function exportAudit(location: Location, { since, until, output }: ExportAuditOptions): Promise<void> {
  const from = timeOf('--since', since)
  const before = timeOf('--until', until)
  const log = (sentence: string): void => {
    throw new Refusal(sentence)
  }
  // The next write reports the error.
  output.on('error', () => {})
  await inspect(location, log, async (store) => {
    for await (const record of store.records(from, before)) await writeLine(output, auditLine(record))
  })
}

/** @returns undefined when the database has another schema than this version */
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
  throw new Refusal(`${option} must be a day or a time in UTC, such as 2026-01-05 or 2026-01-05T09:30:00Z.`)
}

/** @throws Refusal when the output is closed */
async function writeLine(output: Writable, line: string): Promise<void> {
  try {
    if (output.errored) throw output.errored
    if (!output.write(`${line}\n`)) await once(output, 'drain')
  } catch (error) {
    throw new Refusal(`The output cannot be written: ${reasonOf(error)}.`, { cause: error })
  }
}
