import t from 'tap'
import type { AuditEvent } from '../../src/core/audit.ts'
import { createAuditBatch } from '../../src/worker/audit-batch.ts'

const event = (requestId: string) => ({ requestId }) as AuditEvent

t.test('what waits is written together and in its order, and nobody is told before', async (t) => {
  const written: string[][] = []
  const batch = createAuditBatch(async (events) => void written.push(events.map(({ requestId }) => requestId)))
  const told: string[] = []
  const waiting = ['a', 'b', 'c'].map((id) => batch.recordEvent(event(id)).then(() => told.push(id)))
  await new Promise(setImmediate)
  t.same(told, [])
  await batch.flush()
  await Promise.all(waiting)
  await batch.flush()
  t.same(written, [['a', 'b', 'c']])
})

t.test('all of a batch that cannot be written are told so, and the next one is written', async (t) => {
  let isFull = true
  const batch = createAuditBatch(async () => {
    if (isFull) throw new Error('the disk is full')
  })
  const failing = Promise.allSettled(['a', 'b'].map((id) => batch.recordEvent(event(id))))
  await batch.flush()
  t.same(
    (await failing).map(({ status }) => status),
    ['rejected', 'rejected']
  )
  isFull = false
  const next = batch.recordEvent(event('c'))
  await batch.flush()
  await next
})
