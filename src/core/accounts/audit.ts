/**
 * The audit trail: who did what to what and when, from where, and with which result. Each record has the hash of the
 * one before it, so that none can be changed, taken out or put in without all later ones showing it.
 */

/** How the caller was authenticated. `password`: a login that opens a session. `none`: not authenticated. */
export type AuditCredential = 'none' | 'basic' | 'session' | 'token' | 'password'

/** What is to be recorded; texts may have any length, and records have them bounded. */
export interface AuditEvent {
  /** When it was answered. */
  readonly time: Date
  /** Empty without a login, and for names that no user has. */
  readonly user: string
  readonly credential: AuditCredential
  /** Address of the caller. */
  readonly address: string
  /** The id under which the log has the request. */
  readonly requestId: string
  /**
   * The `operationId` of the route; `changeFirmware:delete` with the word that the appliance's routes have as `action`.
   */
  readonly action: string
  /** What it was done to: `fixid:…`, `task:7`. Never a secret, and never a whole body. */
  readonly targets: readonly string[]
  /** Status code of the answer. */
  readonly status: number
  /** Code of the problem in the response; empty for none. */
  readonly problem: string
  /** How many equal requests this stands for. */
  readonly count: number
}

/** An event with its position in the chain. The order of the members is that of the hashed text. */
export interface AuditRecord extends Omit<AuditEvent, 'time'> {
  /** From 1, without a gap. */
  readonly number: number
  /** ISO 8601, UTC, with milliseconds. */
  readonly time: string
  readonly previousHash: string
  /** Lower-case hex of the SHA-256 of the record's text. */
  readonly hash: string
}

/** The end of the chain: what the next record follows. */
export type AuditHead = Pick<AuditRecord, 'number' | 'hash'>

/** Writes the trail. */
export interface AuditCommands {
  /** Resolves when the record is on the disk. */
  recordEvent(event: AuditEvent): Promise<void>
}

export interface AuditFilter {
  /** Exactly this user. */
  readonly user?: string
  /** Exactly this action. */
  readonly action?: string
  /** Not before this time. */
  readonly since?: Date
}

export interface AuditReader {
  /** Records below a number, the newest first. */
  auditPage(filter: AuditFilter, before: number, limit: number): Promise<AuditRecord[]>
}
