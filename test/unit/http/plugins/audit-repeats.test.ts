import t from 'tap'
import type { AuditEvent } from '../../../../src/core/accounts/audit.ts'
import { createRepeats, MINUTE_MS } from '../../../../src/http/plugins/audit-repeats.ts'

const EVENT: AuditEvent = {
  time: new Date(0),
  user: '',
  credential: 'none',
  address: '192.0.2.7',
  requestId: 'req-1',
  action: 'logIn',
  targets: [],
  status: 403,
  problem: 'LOGIN_REFUSED',
  count: 1
}

function start(limit = 100, forgetMs = MINUTE_MS) {
  const recorded: AuditEvent[] = []
  const state = { time: 0, failing: false }
  const repeats = createRepeats({
    limit,
    forgetMs,
    now: () => state.time,
    async record(event) {
      if (state.failing) throw new Error('the disk is full')
      recorded.push(event)
    }
  })
  return { repeats, recorded, state }
}

t.test(
  'the first one is recorded at once, its repetitions once as a count, and nothing when there were none',
  async (t) => {
    const { repeats, recorded, state } = start()
    for (let index = 1; index <= 10_000; index += 1) await repeats.take('a', { ...EVENT, requestId: `req-${index}` })
    await repeats.sweep()
    t.same(recorded, [EVENT], 'a minute has not passed')
    state.time = MINUTE_MS
    await repeats.sweep()
    t.same(recorded.slice(1), [{ ...EVENT, requestId: 'req-10000', count: 9_999 }])
    state.time = 10 * MINUTE_MS
    await repeats.sweep()
    await repeats.close()
    t.equal(recorded.length, 2)
    await repeats.take('a', EVENT)
    t.equal(recorded.length, 3, 'after a pause it is a first one again')
  }
)

t.test('repetitions for a day add a few records, not one for each minute', async (t) => {
  const { repeats, recorded, state } = start()
  for (; state.time < 24 * 60 * MINUTE_MS; state.time += MINUTE_MS / 6) {
    await repeats.take('a', EVENT)
    await repeats.sweep()
  }
  await repeats.close()
  t.ok(recorded.length < 36, String(recorded.length))
  t.equal(
    recorded.reduce((sum, { count }) => sum + count, 0),
    24 * 360,
    'each of them is counted'
  )
})

t.test(
  'ever new callers, each of them once, take no more room than the limit in the time in which they are kept',
  async (t) => {
    const { repeats, recorded, state } = start(10, 60 * MINUTE_MS)
    for (let caller = 0; state.time < 24 * 60 * MINUTE_MS; state.time += MINUTE_MS / 6, caller += 1) {
      await repeats.take(`caller ${caller}`, EVENT)
      await repeats.sweep()
    }
    await repeats.close()
    t.ok(recorded.length <= 24 * 12, String(recorded.length))
    t.equal(
      recorded.reduce((sum, { count }) => sum + count, 0),
      24 * 360
    )
  }
)

t.test('callers beyond the limit are counted together, without a name', async (t) => {
  const { repeats, recorded } = start(2)
  for (const key of ['a', 'b', 'c', 'd', 'e', 'a']) await repeats.take(key, { ...EVENT, user: key, address: key })
  await repeats.close()
  t.match(recorded, [
    { address: 'a', count: 1 },
    { address: 'b', count: 1 },
    { address: 'various', user: '', action: 'various', status: 403, count: 1 },
    { address: 'a', count: 1 },
    { address: 'various', user: '', count: 2 }
  ])
  t.equal(recorded.length, 5)
})

t.test(
  'an event that cannot be recorded is not treated as recorded, and its count is kept until it can be',
  async (t) => {
    const { repeats, recorded, state } = start()
    state.failing = true
    await t.rejects(repeats.take('a', EVENT), /disk is full/)
    state.failing = false
    await repeats.take('a', EVENT)
    await repeats.take('a', EVENT)
    t.equal(recorded.length, 1)
    state.failing = true
    await t.rejects(repeats.close(), /disk is full/)
    state.failing = false
    await repeats.close()
    t.match(recorded, [EVENT, { count: 1 }])
  }
)

t.test('a repetition waits for the record of the first event', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const repeats = createRepeats({ limit: 1, forgetMs: 0, now: () => 0, record: () => promise })
  let isDone = false
  const first = repeats.take('a', EVENT)
  const second = repeats.take('a', EVENT).then(() => {
    isDone = true
  })
  await new Promise(setImmediate)
  t.notOk(isDone)
  resolve()
  await Promise.all([first, second])
})
