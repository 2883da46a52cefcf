import t from 'tap'
import { exportView } from '../../../../../src/http/api/exports/export-view.ts'
import { someTask } from '../../../../support/api/some-tasks.ts'

const NOW = new Date('2026-01-05T10:00:00Z')
const secondsAgo = (seconds: number) => new Date(NOW.getTime() - 1000 * seconds)

t.test('rate and remaining time are those of the current run', async (t) => {
  const run = { startedAt: secondsAgo(10), bytesBefore: 200 }
  const task = someTask({ run, bytesDone: 700, bytesTotal: 1_000 })
  t.match(exportView(task, NOW), { bytesPerSecond: 50, secondsLeft: 6, percent: 70 })
})

t.test('rate and remaining time are null before the first bytes of a run, and after it', async (t) => {
  const unknown = { bytesPerSecond: null, secondsLeft: null }
  for (const [name, task] of Object.entries({
    'nothing done yet': someTask({ run: { startedAt: secondsAgo(10), bytesBefore: 200 }, bytesDone: 200 }),
    'only just begun': someTask({ run: { startedAt: NOW, bytesBefore: 0 } }),
    'a clock that was set back': someTask({ run: { startedAt: secondsAgo(-5), bytesBefore: 0 } }),
    waits: someTask({ state: 'queued', run: null }),
    ended: someTask({ state: 'completed', run: null })
  })) {
    t.match(exportView(task, NOW), unknown, name)
  }
})

t.test('the percentage has one decimal, and is 100 only when all bytes are done', async (t) => {
  const percent = (bytesDone: number, bytesTotal: number, state: 'running' | 'completed' = 'running') =>
    exportView(someTask({ bytesDone, bytesTotal, state }), NOW).percent
  t.equal(percent(0, 700), 0)
  t.equal(percent(2, 3), 66.6)
  t.equal(percent(999_999_999, 1_000_000_000), 99.9)
  t.equal(percent(700, 700), 100)
  t.equal(percent(0, 0), 0)
  t.equal(percent(0, 0, 'completed'), 100)
})
