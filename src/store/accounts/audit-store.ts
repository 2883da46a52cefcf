/** The audit trail in the database. */
import { type Insertable, type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import type { AuditCredential, AuditEvent, AuditHead, AuditReader, AuditRecord } from '../../core/accounts/audit.ts'
import { AUDIT_ORIGIN, sealEvent } from '../../core/accounts/audit-chain.ts'
import { bulkInsert } from '../engine/bulk-insert.ts'
import type { Database } from '../engine/database.ts'
import { triggersOf } from '../engine/dialect.ts'
import type { AuditTable, Schema } from '../engine/schema.ts'
import { durableTransaction, takeWriteLock } from '../engine/transactions.ts'

const PAGE = 1_000

const COLUMNS = [
  'number',
  'time',
  'user',
  'credential',
  'address',
  'request_id',
  'action',
  'targets',
  'status',
  'problem',
  'count',
  'previous_hash',
  'hash'
] as const satisfies readonly (keyof AuditTable)[]

const TRIGGERS = ['audit_stays_as_it_is', 'audit_stays_whole', 'audit_grows_at_its_end']

/** Appends these events to the audit trail, in their order. They are durable when this resolves. */
export async function appendEvents(db: Database, events: readonly AuditEvent[]): Promise<void> {
  await durableTransaction(db, (trx) => appendWithin(trx, events))
}

/** Appends events in a running transaction, all or none. */
export async function appendWithin(trx: Transaction<Schema>, events: readonly AuditEvent[]): Promise<void> {
  // Before its end is read: otherwise another connection could append in between.
  await takeWriteLock(trx)
  let head = await findHead(trx)
  const rows: Insertable<AuditTable>[] = []
  for (const event of events) {
    const record = sealEvent(event, head)
    rows.push(toRow(record))
    head = record
  }
  await bulkInsert(trx, 'audit', COLUMNS, rows)
}

async function findHead(db: Kysely<Schema>): Promise<AuditHead> {
  const query = db.selectFrom('audit').select(['number', 'hash']).orderBy('number', 'desc').limit(1)
  return (await query.executeTakeFirst()) ?? AUDIT_ORIGIN
}

export function createAuditReader(db: Database): AuditReader {
  return {
    async auditPage({ user, action, since }, before, limit) {
      let query = db.selectFrom('audit').selectAll().where('number', '<', before)
      if (user !== undefined) query = query.where('user', '=', user)
      if (action !== undefined) query = query.where('action', '=', action)
      if (since !== undefined) {
        const time = since.toISOString()
        // The lower bound of the numbers keeps the last page from reading all older records. The plus sign makes SQLite
        // use the index by time instead of a search from the least number.
        const from = sql<number>`(select min(+number) from audit where time >= ${time})`
        query = query.where('time', '>=', time).where('number', '>=', from)
      }
      const rows = await query.orderBy('number', 'desc').limit(limit).execute()
      return rows.map(toRecord)
    }
  }
}

export type AuditInspection = ReturnType<typeof createAuditInspection>

/** What verification and export read, even of a trail that was tampered with. */
export function createAuditInspection(db: Database) {
  return {
    /** All records by number, optionally from `since` and before `until`. */
    async *records(since?: Date, until?: Date): AsyncGenerator<AuditRecord> {
      for (let after = Number.MIN_SAFE_INTEGER, more = true; more; ) {
        const rows = await db
          .selectFrom('audit')
          .selectAll()
          .where('number', '>', after)
          .$if(since !== undefined, (query) => query.where('time', '>=', since?.toISOString() ?? ''))
          .$if(until !== undefined, (query) => query.where('time', '<', until?.toISOString() ?? ''))
          .orderBy('number')
          .limit(PAGE)
          .execute()
        yield* rows.map(toRecord)
        after = rows.at(-1)?.number ?? after
        more = rows.length === PAGE
      }
    },

    async hasHash(hash: string): Promise<boolean> {
      const row = await db.selectFrom('audit').select('number').where('hash', '=', hash).executeTakeFirst()
      return row !== undefined
    },

    /** The missing or disabled ones of the triggers that make the trail append-only. */
    async missingTriggers(): Promise<string[]> {
      const present = new Set(await triggersOf(db, 'audit'))
      return TRIGGERS.filter((name) => !present.has(name))
    }
  }
}

function toRow({ requestId, targets, previousHash, ...rest }: AuditRecord): Insertable<AuditTable> {
  return { ...rest, request_id: requestId, targets: JSON.stringify(targets), previous_hash: previousHash }
}

function toRecord({ request_id, targets, previous_hash, ...rest }: Selectable<AuditTable>): AuditRecord {
  const credential = rest.credential as AuditCredential
  return { ...rest, credential, requestId: request_id, targets: parseTargets(targets), previousHash: previous_hash }
}

/** A value that is not a list was not written by this program; verification finds its hash to be wrong. */
function parseTargets(text: string): string[] {
  try {
    const targets: unknown = JSON.parse(text)
    return Array.isArray(targets) ? targets.map(String) : [text]
  } catch {
    return [text]
  }
}
