import t from 'tap'
import type { AuditHead, AuditRecord } from '../../../../src/core/accounts/audit.ts'
import { AUDIT_ORIGIN, hashOf, sealEvent } from '../../../../src/core/accounts/audit-chain.ts'
import { type AuditVerdict, verifyChain } from '../../../../src/core/accounts/verify-audit-chain.ts'

function chainOf(length: number): AuditRecord[] {
  const records: AuditRecord[] = []
  let head: AuditHead = AUDIT_ORIGIN
  for (let index = 0; index < length; index += 1) {
    const record = sealEvent(
      {
        time: new Date(1_767_000_000_000 + index),
        user: `user ${index}`,
        credential: 'basic',
        address: '192.0.2.7',
        requestId: `req-${index}`,
        action: 'createExport',
        targets: [`fixid:${index}`],
        status: 201,
        problem: '',
        count: 1
      },
      head
    )
    records.push(record)
    head = record
  }
  return records
}

async function verify(records: readonly AuditRecord[], expected?: string): Promise<AuditVerdict> {
  async function* all() {
    yield* records
  }
  return verifyChain(all(), { expected, hasHash: async (hash) => records.some((record) => record.hash === hash) })
}

/** As somebody does it who wants the numbers to be without a gap. */
function renumbered(records: readonly AuditRecord[]): AuditRecord[] {
  return records.map((record, index) => ({ ...record, number: index + 1 }))
}

const CHAIN = chainOf(6)
const at = (number: number) => CHAIN[number - 1] as AuditRecord
const without = (number: number) => CHAIN.filter((record) => record.number !== number)

function changed(number: number, change: Partial<AuditRecord>): AuditRecord[] {
  return CHAIN.map((record) => (record.number === number ? { ...record, ...change } : record))
}

t.test('a chain that nobody has touched is sound, an empty one too', async (t) => {
  t.same(await verify(CHAIN), { count: 6, first: at(1), last: at(6), flaw: undefined })
  t.same(await verify([]), { count: 0, first: undefined, last: undefined, flaw: undefined })
})

t.test('a record of which anything was changed is found', async (t) => {
  for (const change of [{ user: 'eve' }, { status: 403 }, { targets: [] }, { time: '2026-01-01T00:00:00.000Z' }]) {
    t.match(await verify(changed(3, change)), { count: 2, last: at(2), flaw: { kind: 'changed', number: 3 } })
  }
  t.match(await verify(changed(3, { hash: 'f'.repeat(64) })), { flaw: { kind: 'changed', number: 3 } })
})

t.test('a record that was changed and given a new hash is found by the one after it', async (t) => {
  const forged = { ...at(3), user: 'eve' }
  t.match(await verify(changed(3, { user: 'eve', hash: hashOf(forged) })), { flaw: { kind: 'removed', number: 4 } })
})

t.test('records that are missing are found, from the beginning too', async (t) => {
  const { flaw } = await verify(without(3))
  t.same(flaw, { kind: 'removed', number: 3, sentence: 'The record 3 is missing.' })
  t.match(await verify(CHAIN.slice(2)), {
    count: 0,
    flaw: { kind: 'removed', number: 1, sentence: 'The records 1 to 2 are missing.' }
  })
  t.match(await verify(renumbered(without(3))), { flaw: { kind: 'removed', number: 3 } })
})

t.test('a record that was put in is found', async (t) => {
  const forged = sealEvent({ ...at(3), time: new Date(0), user: 'eve' }, at(3))
  const put = renumbered([...CHAIN.slice(0, 3), forged, ...CHAIN.slice(3)])
  t.match(await verify(put), { flaw: { kind: 'inserted', number: 4 } })
  t.match(await verify([{ ...at(1), number: 0 }, ...CHAIN]), { flaw: { kind: 'inserted', number: 0 } })
})

t.test('records that changed their places are found', async (t) => {
  const swapped = [...CHAIN.slice(0, 2), at(4), at(3), ...CHAIN.slice(4)]
  t.match(await verify(renumbered(swapped)), { flaw: { kind: 'moved', number: 3 } })
  const moved = [...CHAIN.slice(0, 1), ...CHAIN.slice(2, 5), at(2), at(6)]
  t.match(await verify(renumbered(moved)), { flaw: { kind: 'moved', number: 2 } })
})

t.test('a chain whose end was cut, or that was made anew, lacks the hash that was kept elsewhere', async (t) => {
  t.match(await verify(CHAIN, at(4).hash), { count: 6, flaw: undefined }, 'it may have grown since')
  t.match(await verify(CHAIN.slice(0, 5), at(6).hash), { count: 5, flaw: { kind: 'cut', number: 5 } })
  t.match(await verify([], at(6).hash), { flaw: { kind: 'cut', number: 0, sentence: /^The trail is empty/ } })
  const anew: AuditRecord[] = []
  for (const { time, ...event } of CHAIN) {
    anew.push(sealEvent({ ...event, time: new Date(time), user: 'eve' }, anew.at(-1) ?? AUDIT_ORIGIN))
  }
  t.match(await verify(anew), { flaw: undefined }, 'nothing in it can tell')
  t.match(await verify(anew, at(6).hash), { flaw: { kind: 'cut', number: 6 } })
})
