import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { WorkerSettings } from '../../../../src/core/storage/storage-config.ts'
import { startProcess } from '../../../../src/worker/runtime/worker-runner.ts'

/** Whether a child process has ended, also before this process has received the event. */
function hasEnded(pid: string): boolean {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'Z'
}

t.test('a command to a process that is ending does not turn its end into a crash', async (t) => {
  const file = path.join(t.testdir({ 'worker.mjs': 'process.exit(0)' }), 'worker.mjs')
  const failure = await new Promise((resolve) => {
    const worker = startProcess(file, {} as WorkerSettings, { onEvent() {}, onExit: resolve })
    const children = `/proc/self/task/${process.pid}/children`
    const pid = fs.readFileSync(children, 'utf8').trim().split(' ').at(-1) ?? ''
    // Without a turn of the event loop, so that the closed channel is not known yet.
    while (!hasEnded(pid));
    worker.send({ command: 'check' })
  })
  t.equal(failure, undefined)
})
