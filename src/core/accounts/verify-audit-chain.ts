/** Whether an audit trail is what was written, and where it is not. */
import type { AuditHead, AuditRecord } from './audit.ts'
import { AUDIT_ORIGIN, hashOf } from './audit-chain.ts'

/**
 * `changed`: the record differs from what was hashed. `removed`: records are missing before it. `inserted`: the record
 * does not belong to this chain. `moved`: it belongs to the chain, at another position. `cut`: the end of the chain is
 * missing, or the whole chain was rebuilt.
 */
export type AuditFlawKind = 'changed' | 'removed' | 'inserted' | 'moved' | 'cut'

export interface AuditFlaw {
  readonly kind: AuditFlawKind
  /** Of the record that is the first to be wrong; for `cut`, of the last one. */
  readonly number: number
  /** For people. */
  readonly sentence: string
}

export interface AuditVerdict {
  /** How many records were found to be sound: all, or those before the flaw. */
  readonly count: number
  readonly first: AuditRecord | undefined
  readonly last: AuditRecord | undefined
  readonly flaw: AuditFlaw | undefined
}

export interface VerifyOptions {
  /** Whether any record, wherever it is, has this hash. */
  readonly hasHash: (hash: string) => Promise<boolean>
  /** A hash that the chain must have: that of its last record, as it was kept elsewhere at another time. */
  readonly expected?: string | undefined
}

/**
 * Follows the chain from its first record to the first flaw or to its end. Memory does not grow with it.
 * @param records all there are, by number
 */
export async function verifyChain(
  records: AsyncIterable<AuditRecord>,
  { hasHash, expected }: VerifyOptions
): Promise<AuditVerdict> {
  let head: AuditHead = AUDIT_ORIGIN
  let first: AuditRecord | undefined
  let last: AuditRecord | undefined
  let isExpectedSeen = expected === undefined
  const verdict = (flaw?: AuditFlaw): AuditVerdict => ({ count: head.number, first, last, flaw })
  for await (const record of records) {
    const flaw = await flawOf(record, head, last, hasHash)
    if (flaw !== undefined) return verdict(flaw)
    head = record
    first ??= record
    last = record
    if (record.hash === expected) isExpectedSeen = true
  }
  return isExpectedSeen ? verdict() : verdict(cut(head.number))
}

async function flawOf(
  record: AuditRecord,
  head: AuditHead,
  last: AuditRecord | undefined,
  hasHash: VerifyOptions['hasHash']
): Promise<AuditFlaw | undefined> {
  const { number } = record
  const isLinked = record.previousHash === head.hash
  if (number < 1) return flaw('inserted', number, 'was put in before the first one')
  if (number > head.number + 1) return removed(head.number + 1, number - 1)
  if (isLinked && record.hash === hashOf(record)) return undefined
  if (isLinked) return flaw('changed', number, 'was changed: what it says does not give its hash')
  if (record.hash === head.hash) return flaw('inserted', number, 'was put in: it is a copy of the one before it')
  if (last !== undefined && record.previousHash === last.previousHash) {
    return flaw('inserted', last.number, 'was put in: the one after it was made to follow the one before it')
  }
  if (await hasHash(record.previousHash)) return flaw('moved', number, 'does not belong here: it follows another one')
  const was = 'does not belong here: the one that it follows was removed or changed, or it was put in itself'
  return flaw('removed', number, was)
}

function flaw(kind: AuditFlawKind, number: number, what: string): AuditFlaw {
  return { kind, number, sentence: `The record ${number} ${what}.` }
}

function removed(from: number, to: number): AuditFlaw {
  const which = from === to ? `The record ${from} is` : `The records ${from} to ${to} are`
  return { kind: 'removed', number: from, sentence: `${which} missing.` }
}

function cut(number: number): AuditFlaw {
  const end = number === 0 ? 'The trail is empty' : `The trail ends with the record ${number}`
  return {
    kind: 'cut',
    number,
    sentence: `${end}, and no record has the expected hash: its end is missing, or it was rebuilt.`
  }
}
