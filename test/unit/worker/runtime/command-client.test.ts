import { once } from 'node:events'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { taskAccepted } from '../../../../src/core/problems/message.ts'
import { Problem } from '../../../../src/core/problems/problem.ts'
import { createCommandClient } from '../../../../src/worker/runtime/command-client.ts'
import { type CalledThread, callThread } from '../../../support/worker/called-thread.ts'

function startThread(t: Test): CalledThread & { thread: Worker } {
  const thread = new Worker(path.join(import.meta.dirname, '../../../support/worker/scripted-command-thread.ts'))
  t.teardown(() => thread.terminate())
  return { ...callThread(thread), thread }
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => t.fail('it was accepted'),
    (error: unknown) => error
  )
}

t.test('a request and its answer arrive unchanged', async (t) => {
  const { commands } = startThread(t)
  const selection = { fixids: ['fix-a', 'fix-ü'], scope: 'payloads' } as const
  const { task } = await commands.requestExport({ selection, requestedBy: 'ann' })
  t.same(JSON.parse(task.archiveName), selection)
  t.equal(task.createdBy, 'ann')
  t.ok(task.createdAt instanceof Date)
  t.equal(task.createdAt.toISOString(), '2026-04-05T06:07:08.009Z')
  t.equal(task.bytesTotal, 2 ** 40)
  t.same((await commands.requestScan('bob')).notes, [taskAccepted(3)])
})

t.test('each of many simultaneous requests gets its own answer', async (t) => {
  const { commands } = startThread(t)
  const names = Array.from({ length: 200 }, (_, number) => `user ${number}`)
  const answers = await Promise.all(names.map((name) => commands.requestScan(name)))
  t.same(
    answers.map(({ task }) => task.createdBy),
    names
  )
})

t.test('a problem arrives as a problem, with its code, its kind and its message', async (t) => {
  const { commands } = startThread(t)
  const error = await failureOf(commands.requestScan('problem'))
  t.ok(error instanceof Problem)
  const original = new Problem('REPOSITORY_UNAVAILABLE', 'The repository directory cannot be read: EIO.')
  t.match(error, { name: 'Problem', code: 'REPOSITORY_UNAVAILABLE', kind: 'unavailable', message: original.message })
  t.same((error as Problem).userMessage, original.userMessage)
  t.equal((error as Problem).userMessage.id, 'FQXHMUP9012L')
})

t.test('another error arrives as an error with its text', async (t) => {
  const { commands } = startThread(t)
  for (const [name, message] of [
    ['error', 'a bug of a command'],
    ['text', 'only a text']
  ] as const) {
    const error = await failureOf(commands.requestScan(name))
    t.ok(error instanceof Error, name)
    t.notOk(error instanceof Problem, name)
    t.equal((error as Error).message, message)
  }
  t.equal(((await failureOf(commands.requestScan('error'))) as Error).name, 'RangeError')
  t.match((await commands.requestScan('after them')).task, { createdBy: 'after them' })
})

t.test('without a thread, requests are refused as temporarily unavailable', async (t) => {
  const { commands } = createCommandClient()
  for (const request of [
    commands.requestScan('ann'),
    commands.requestExport({ selection: { fixids: [], scope: 'all' }, requestedBy: 'ann' })
  ]) {
    const error = await failureOf(request)
    t.match(error, { code: 'WORKER_UNAVAILABLE', kind: 'unavailable', userMessage: { id: 'FQXHMUP9011L' } })
  }
})

t.test('when the thread dies, its unanswered requests are refused', async (t) => {
  const { commands, thread } = startThread(t)
  await commands.requestScan('ann')
  const requests = ['silence', 'silence', 'death', 'too late'].map((name) => failureOf(commands.requestScan(name)))
  for (const error of await Promise.all(requests)) t.match(error, { code: 'WORKER_UNAVAILABLE', kind: 'unavailable' })
  if (thread.threadId !== -1) await once(thread, 'exit')
})

t.test('a request is refused when its thread is terminated before it receives it', async (t) => {
  const { commands, thread } = startThread(t)
  const refused = failureOf(commands.requestScan('ann'))
  await thread.terminate()
  t.match(await refused, { code: 'WORKER_UNAVAILABLE' })
})

t.test('each request goes to the thread that is connected at that time', async (t) => {
  const [first, second] = [startThread(t), startThread(t)]
  const { commands, connect, disconnect, onAnswer } = createCommandClient()
  const use = (thread: Worker) => {
    thread.on('message', (event) => event.event === 'answer' && onAnswer(event))
    connect({ send: (call) => thread.postMessage(call) })
  }
  use(first.thread)
  await commands.requestScan('ann')
  await first.thread.terminate()
  disconnect()
  use(second.thread)
  t.equal((await commands.requestScan('bob')).task.createdBy, 'bob')
})

t.test('the changes of a command are notified before its answer, also after an error', async (t) => {
  const { commands, events } = startThread(t)
  await commands.requestScan('ann')
  await failureOf(commands.requestScan('problem'))
  await commands.removeUser('ann')
  await commands.endSession('known')
  t.match(events, [
    { event: 'changed', notifications: ['catalog'] },
    { event: 'answer', id: 1 },
    { event: 'changed', notifications: ['catalog'] },
    { event: 'answer', id: 2 },
    { event: 'changed', notifications: ['users'] },
    { event: 'answer', id: 3 },
    { event: 'answer', id: 4, result: true }
  ])
})

t.test('an await of the commands themselves calls nothing', async (t) => {
  const { commands, connect } = createCommandClient()
  connect({ send: () => t.fail('it was called') })
  t.equal(await commands, commands)
})
