/**
 * How events become the records of the chain: which members are hashed, in which order, and how an export writes them.
 */
import { hash } from 'node:crypto'
import type { AuditEvent, AuditHead, AuditRecord } from './audit.ts'

/** Before the first record. */
export const AUDIT_ORIGIN: AuditHead = { number: 0, hash: '0'.repeat(64) }

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
