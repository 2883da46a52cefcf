import t from 'tap'
import type { TaskProgress } from '../../../../src/core/tasks/task.ts'
import { createProgressRecorder } from '../../../../src/worker/runtime/progress-recorder.ts'

const report = (number: number): TaskProgress => ({ packagesDone: number, bytesDone: number * 100 })

t.test('the first report is saved at once, and of the next ones only the last', async (t) => {
  const saved: number[] = []
  const recorder = createProgressRecorder(async ({ packagesDone }) => {
    saved.push(packagesDone)
  })
  for (let number = 1; number <= 1_000; number += 1) recorder.record(report(number))
  await recorder.end()
  t.same(saved, [1, 1_000])
})

t.test('without a report nothing is saved', async (t) => {
  const recorder = createProgressRecorder(async () => {
    t.fail('there was none')
  })
  t.equal(await recorder.end(), undefined)
})

t.test('a report that comes after a pause is saved too', async (t) => {
  const saved: TaskProgress[] = []
  let next = Promise.withResolvers<void>()
  const recorder = createProgressRecorder(async (progress) => {
    saved.push(progress)
    next.resolve()
  })
  for (const number of [1, 2, 3]) {
    next = Promise.withResolvers()
    recorder.record(report(number))
    await next.promise
  }
  await recorder.end()
  t.same(saved, [1, 2, 3].map(report))
})

t.test('saves never overlap, keep their order, and `end` waits for the last one', async (t) => {
  const saved: number[] = []
  const gates = [1, 2].map(() => Promise.withResolvers<void>())
  let running = 0
  let isEnded = false
  const recorder = createProgressRecorder(async ({ packagesDone }) => {
    running += 1
    t.equal(running, 1)
    await gates[saved.length]?.promise
    saved.push(packagesDone)
    running -= 1
  })
  recorder.record(report(1))
  recorder.record(report(2))
  const ended = recorder.end().then(() => {
    isEnded = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  t.same(saved, [])
  t.notOk(isEnded)
  for (const gate of gates) gate.resolve()
  await ended
  t.same(saved, [1, 2])
})

t.test('a failed save rejects `end`, and later saves are still tried', async (t) => {
  const tried: number[] = []
  const recorder = createProgressRecorder(async ({ packagesDone }) => {
    tried.push(packagesDone)
    throw new Error(`no room for ${packagesDone}`)
  })
  recorder.record(report(1))
  recorder.record(report(2))
  await t.rejects(recorder.end(), { message: 'no room for 1' })
  t.same(tried, [1, 2])
})
