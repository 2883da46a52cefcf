/** Writes the audit trail in batches: what waits while something else is being done is written together, with one wait for the disk. */
import type { AuditDesk, AuditEvent } from '../core/audit.ts'

export interface AuditBatch extends AuditDesk {
  /** Writes all that waits. It never rejects: whoever waits for a record is told what has failed. */
  flush(): Promise<void>
}

interface Waiting {
  readonly event: AuditEvent
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** @param write puts events on the disk in their order, all of them or none */
export function createAuditBatch(write: (events: readonly AuditEvent[]) => Promise<void>): AuditBatch {
  let waiting: Waiting[] = []
  return {
    recordEvent: (event) => new Promise((resolve, reject) => waiting.push({ event, resolve, reject })),

    async flush() {
      if (waiting.length === 0) return
      const batch = waiting
      waiting = []
      try {
        await write(batch.map(({ event }) => event))
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
  }
}
