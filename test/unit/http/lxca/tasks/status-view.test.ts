import t from 'tap'
import { OPERATION_SUCCEEDED, taskFailed } from '../../../../../src/core/problems/message.ts'
import type { Task } from '../../../../../src/core/tasks/task.ts'
import { combinedStatusView, statusView } from '../../../../../src/http/lxca/tasks/status-view.ts'
import { someTask, totalsOf } from '../../../../support/api/some-tasks.ts'

const NAME = 'repository20260105093000.zip'

t.test("the status of a completed export is as in Lenovo's documentation", async (t) => {
  const task = someTask({
    state: 'completed',
    packagesDone: 3,
    bytesDone: 700,
    messages: [OPERATION_SUCCEEDED],
    finishedAt: new Date()
  })
  const recovery = { text: 'Information only; no action is required.', URL: '' }
  t.strictSame(statusView(task), {
    current: NAME,
    downloadednum: 3,
    downloadedsize: 700,
    progress: 100,
    state: 'complete',
    taskIds: '12',
    total: 3,
    totalsize: 700,
    status: 'Complete',
    message: 'Repository operation completed successfully.',
    updates: [],
    errorMsg: {
      result: 'informational',
      messages: [
        { id: 'FQXHMUP2500I', text: 'Repository operation completed successfully.', explanation: '', recovery }
      ]
    }
  })
})

t.test('every state has the words and the progress that clients expect', async (t) => {
  const rows = [
    ['queued', 'created', 0, 'Pending', 'informational', NAME],
    ['running', 'running', 50, 'Running', 'informational', NAME],
    ['completed', 'complete', 100, 'Complete', 'informational', NAME],
    ['failed', 'error', 100, 'Failed', 'failure', ''],
    ['canceled', 'canceled', 100, 'Cancelled', 'informational', '']
  ] as const
  for (const [state, wireState, progress, status, result, current] of rows) {
    const view = statusView(someTask({ state, messages: [OPERATION_SUCCEEDED] }))
    t.match(view, { state: wireState, progress, status, current, errorMsg: { result } }, state)
  }
})

t.test('a live task has a message about its state before the notes of its start', async (t) => {
  const note = { ...OPERATION_SUCCEEDED, id: 'FQXHMUP9102F', text: 'A payload is missing.' }
  const texts = (overrides: Partial<Task>) =>
    statusView(someTask({ messages: [note], ...overrides })).errorMsg.messages.map(({ text }) => text)
  t.same(texts({ state: 'queued' }), ['The export waits to be started.', note.text])
  t.same(texts({ state: 'running' }), ['The export is running.', note.text])
  t.same(texts({ state: 'running', kind: 'scan' }), ['The scan of the repository is running.', note.text])
  t.same(texts({ state: 'completed' }), [note.text])
})

t.test('a failed task has the reason and the recovery', async (t) => {
  const message = taskFailed('The file a.uxz has changed.', 'Read the repository again.')
  const view = statusView(someTask({ state: 'failed', messages: [message] }))
  t.equal(view.message, 'The file a.uxz has changed.')
  t.match(view.errorMsg.messages, [
    { id: 'FQXHMUP9009L', text: 'The file a.uxz has changed.', recovery: { text: 'Read the repository again.' } }
  ])
})

t.test('the answer about all tasks is complete when no task is live', async (t) => {
  t.match(combinedStatusView([], totalsOf([])), {
    current: '',
    downloadednum: 0,
    downloadedsize: 0,
    progress: 100,
    state: 'complete',
    taskIds: '',
    total: 0,
    totalsize: 0,
    status: 'Complete',
    updates: [],
    errorMsg: { result: 'informational', messages: [{ id: 'FQXHMUP2500I' }] }
  })
})

t.test('the answer about all tasks has the archive name of a single task', async (t) => {
  const tasks = [someTask()]
  t.match(combinedStatusView(tasks, totalsOf(tasks)), {
    current: NAME,
    progress: 50,
    state: 'running',
    taskIds: '12',
    downloadednum: 1,
    downloadedsize: 200,
    total: 3,
    totalsize: 700
  })
})

t.test('the answer about several tasks has the sums of their counters, and lists each task', async (t) => {
  const tasks = [someTask({ id: 4 }), someTask({ id: 7, archiveName: 'b.zip' }), someTask({ id: 11, kind: 'scan' })]
  const view = combinedStatusView(tasks, totalsOf(tasks))
  t.match(view, { current: '', progress: 50, state: 'running', taskIds: '4,7,11' })
  t.match(view, { downloadednum: 3, downloadedsize: 600, total: 9, totalsize: 2100 })
  t.same(
    view.updates.map(({ taskIds, current }) => [taskIds, current]),
    [
      ['4', NAME],
      ['7', 'b.zip'],
      ['11', NAME]
    ]
  )
  t.notOk(view.updates.some((update) => 'updates' in update))
})

t.test('the progress of several tasks is that of the task with the least progress', async (t) => {
  const tasks = [someTask({ id: 4 }), someTask({ id: 7, state: 'queued', packagesDone: 0, bytesDone: 0 })]
  t.match(combinedStatusView(tasks, totalsOf(tasks)), { progress: 0, state: 'created', status: 'Pending' })
})

t.test('tasks beyond the limit of the list are still counted', async (t) => {
  const tasks = Array.from({ length: 5 }, (_, index) => someTask({ id: index + 1 }))
  const view = combinedStatusView(tasks.slice(0, 2), totalsOf(tasks))
  t.match(view, { taskIds: '1,2', total: 15, message: /: 5\./ })
  t.equal(view.updates.length, 2)
})
