/**
 * The audit trail: who did what to what and when, from where, and with which result. Each record has the hash of the
 * one before it, so that none can be changed, taken out or put in without all later ones showing it.
 */
import { hash } from 'node:crypto'

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

/** Before the first record. */
export const AUDIT_ORIGIN: AuditHead = { number: 0, hash: '0'.repeat(64) }

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

const MAX_NAME = 128
const MAX_TARGET = 300
const MAX_TARGETS = 64

/** Makes the record that follows `head`; two that are equal but for their place have different hashes. */
export function sealEvent(event: AuditEvent, head: AuditHead): AuditRecord {
  const unsealed = {
    number: head.number + 1,
    time: event.time.toISOString(),
    user: bounded(event.user, MAX_NAME),
    credential: event.credential,
    address: bounded(event.address, MAX_NAME),
    requestId: bounded(event.requestId, MAX_NAME),
    action: bounded(event.action, MAX_NAME),
    targets: boundedTargets(event.targets),
    status: event.status,
    problem: bounded(event.problem, MAX_NAME),
    count: event.count,
    previousHash: head.hash
  }
  return { ...unsealed, hash: hashOf(unsealed) }
}

/** What the hash of a record must be. */
export function hashOf(record: Omit<AuditRecord, 'hash'>): string {
  return hash('sha256', hashedText(record))
}

/**
 * The record as a line of an export, without its end. Without the member `hash`, which is the last one, the line is the
 * very text that was hashed: a SHA-256 is enough to check an export.
 */
export function auditLine(record: AuditRecord): string {
  return `${hashedText(record).slice(0, -1)},"hash":${JSON.stringify(record.hash)}}`
}

/** JSON without spaces, with the members in this order. */
function hashedText(record: Omit<AuditRecord, 'hash'>): string {
  const { number, time, user, credential, address, requestId, action, targets, status, problem, count } = record
  const { previousHash } = record
  return JSON.stringify({
    number,
    time,
    user,
    credential,
    address,
    requestId,
    action,
    targets,
    status,
    problem,
    count,
    previousHash
  })
}

function boundedTargets(targets: readonly string[]): string[] {
  const named = targets.slice(0, MAX_TARGETS).map((target) => bounded(target, MAX_TARGET))
  return targets.length > named.length ? [...named, `more:${targets.length - named.length}`] : named
}

/** Also without characters that a reader could take for another line or another text. */
function bounded(text: string, limit: number): string {
  const short = text.length > limit ? `${text.slice(0, limit)}…` : text
  return short.toWellFormed().replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd')
}
