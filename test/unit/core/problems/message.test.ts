import t from 'tap'
import {
  listOf,
  membersMissing,
  OPERATION_SUCCEEDED,
  payloadsMissing,
  taskAccepted,
  taskFailed
} from '../../../../src/core/problems/message.ts'

t.test('a list shows what it has and counts the rest', async (t) => {
  t.equal(listOf(['a', 'b'], 2), 'a, b')
  t.equal(listOf(['a', 'b'], 5), 'a, b and 3 more')
  t.equal(listOf(['a'], 1), 'a')
  t.equal(listOf([], 0), '')
  t.equal(listOf(['a', 'b'], 1), 'a, b')
})

t.test('every message has an id of its own and says what to do', async (t) => {
  const messages = [
    OPERATION_SUCCEEDED,
    taskAccepted(7),
    payloadsMissing(['a'], 1),
    membersMissing(['a'], 1),
    taskFailed('It failed.', 'Try again.')
  ]
  t.equal(new Set(messages.map(({ id }) => id)).size, messages.length)
  for (const { id, text, recovery } of messages) {
    t.match(id, /^FQXHM(UP|SE)\d{4}[A-Z]$/)
    t.match(text, /^[A-Z].*\.$/)
    t.match(recovery, /^[A-Z].*\.$/)
  }
})

t.test('an accepted task tells its id and where to follow it', async (t) => {
  const { text, recovery } = taskAccepted(42)
  t.match(text, 'Task 42 ')
  t.match(recovery, 'status?taskid=42.')
})

t.test('what is missing is named, and counted beyond what is named', async (t) => {
  t.match(payloadsMissing(['a', 'b'], 12).text, '12 in all: a, b and 10 more.')
  t.match(membersMissing(['a', 'b'], 2).text, '2 in all: a, b.')
})

t.test('a failed task says in its own words what went wrong', async (t) => {
  t.match(taskFailed('a.uxz has changed.', 'Read again.'), { text: 'a.uxz has changed.', recovery: 'Read again.' })
})
