/**
 * Writes the audit trail in batches. Waiting records are appended within the next durable transaction of another
 * command, and cost no extra wait for the disk; without such a transaction, one transaction appends them all.
 */
import type { Transaction } from 'kysely'
import type { AuditCommands, AuditEvent } from '../../core/accounts/audit.ts'
import { appendEvents, appendWithin } from '../../store/accounts/audit-store.ts'
import type { Database } from '../../store/engine/database.ts'
import type { Schema } from '../../store/engine/schema.ts'
import { attempt, type CommitHook, setCommitHook } from '../../store/engine/transactions.ts'

export interface AuditBatch extends AuditCommands {
  /** Writes the waiting records. It never rejects: an error rejects the promise of each record. */
  flush(): Promise<void>
}

interface Waiting {
  readonly event: AuditEvent
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** @param db the connection whose durable transactions append the waiting records */
export function createAuditBatch(db: Database): AuditBatch {
  let waiting: Waiting[] = []

  function take(): Waiting[] {
    const batch = waiting
    waiting = []
    return batch
  }

  function putBack(batch: readonly Waiting[]): void {
    waiting = [...batch, ...waiting]
  }

  const hook: CommitHook = {
    async beforeCommit(trx: Transaction<Schema>) {
      if (waiting.length === 0) return undefined
      const batch = take()
      try {
        await attempt(trx, () => appendWithin(trx, eventsOf(batch)))
      } catch {
        // The transaction of `flush` will fail too, and report the error.
        putBack(batch)
        return undefined
      }
      return { committed: () => settle(batch), rolledBack: () => putBack(batch) }
    }
  }
  setCommitHook(db, hook)

  return {
    recordEvent: (event) => new Promise((resolve, reject) => waiting.push({ event, resolve, reject })),

    async flush() {
      if (waiting.length === 0) return
      const batch = take()
      try {
        await appendEvents(db, eventsOf(batch))
        settle(batch)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
  }
}

function settle(batch: readonly Waiting[]): void {
  for (const { resolve } of batch) resolve()
}

function eventsOf(batch: readonly Waiting[]): AuditEvent[] {
  return batch.map(({ event }) => event)
}
