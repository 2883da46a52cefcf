import { createHash } from 'node:crypto'
import t from 'tap'
import type { AuditEvent } from '../../../../src/core/accounts/audit.ts'
import { AUDIT_ORIGIN, auditLine, hashOf, sealEvent } from '../../../../src/core/accounts/audit-chain.ts'

const EVENT: AuditEvent = {
  time: new Date('2026-01-05T09:30:00.007Z'),
  user: 'ann',
  credential: 'basic',
  address: '192.0.2.7',
  requestId: 'req-1',
  action: 'changeFirmware:delete',
  targets: ['fixid:a', 'task:7'],
  status: 200,
  problem: '',
  count: 1
}

t.test('a record has all of its event, its number, and the hash of the one before', async (t) => {
  const first = sealEvent(EVENT, AUDIT_ORIGIN)
  const { hash: _, ...unsealed } = first
  t.same(unsealed, { ...EVENT, number: 1, time: '2026-01-05T09:30:00.007Z', previousHash: '0'.repeat(64) })
  const second = sealEvent(EVENT, first)
  t.match(second, { number: 2, previousHash: first.hash })
  t.not(second.hash, first.hash)
})

t.test('whatever a record says is in its hash', async (t) => {
  const record = sealEvent(EVENT, AUDIT_ORIGIN)
  t.equal(hashOf(record), record.hash)
  const others = {
    number: 2,
    time: '2026-01-05T09:30:00.008Z',
    user: 'bob',
    credential: 'session',
    address: '192.0.2.8',
    requestId: 'req-2',
    action: 'changeFirmware',
    targets: ['fixid:a'],
    status: 201,
    problem: 'X',
    count: 2,
    previousHash: '1'.repeat(64)
  } as const
  for (const [name, value] of Object.entries(others)) t.not(hashOf({ ...record, [name]: value }), record.hash, name)
  t.not(hashOf({ ...record, targets: ['fixid:a,task:7'] }), record.hash)
})

t.test('a line without its hash is the text that was hashed', async (t) => {
  const record = sealEvent({ ...EVENT, user: 'Zoë "quoted"' }, AUDIT_ORIGIN)
  const line = auditLine(record)
  t.same(JSON.parse(line), record)
  const [, text = '', hash] = /^(.*),"hash":"([0-9a-f]{64})"\}$/.exec(line) ?? []
  t.equal(createHash('sha256').update(`${text}}`).digest('hex'), hash)
})

t.test('no text makes a record long, or look like another one', async (t) => {
  const long = 'x'.repeat(1_000_000)
  const record = sealEvent(
    {
      ...EVENT,
      user: long,
      address: long,
      requestId: 'a\nb\u2028c\u202ed\u0000',
      action: `\ud800${long}`,
      targets: Array.from({ length: 100 }, () => long)
    },
    AUDIT_ORIGIN
  )
  t.ok(auditLine(record).length < 25_000)
  t.equal(record.user, `${'x'.repeat(128)}…`)
  t.equal(record.requestId, 'a\ufffdb\ufffdc\ufffdd\ufffd')
  t.ok(record.action.isWellFormed())
  t.equal(record.targets.length, 65)
  t.equal(record.targets.at(-1), 'more:36')
})
