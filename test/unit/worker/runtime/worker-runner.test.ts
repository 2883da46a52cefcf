import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { WorkerSettings } from '../../../../src/core/storage/storage-config.ts'
import { startProcess } from '../../../../src/worker/runtime/worker-runner.ts'

/** Whether a process of this one has ended, also before this one has been told. */
function hasEnded(pid: string): boolean {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'Z'
}

t.test('a command that comes while a process ends in peace makes no crash of that', async (t) => {
  const file = path.join(t.testdir({ 'lane.mjs': 'process.exit(0)' }), 'lane.mjs')
  const failure = await new Promise((resolve) => {
    const loop = startProcess(file, {} as WorkerSettings, { onEvent() {}, onExit: resolve })
    const children = `/proc/self/task/${process.pid}/children`
    const pid = fs.readFileSync(children, 'utf8').trim().split(' ').at(-1) ?? ''
    // Without a turn of the event loop: nobody has heard yet that the channel is closed.
    while (!hasEnded(pid));
    loop.send({ command: 'check' })
  })
  t.equal(failure, undefined)
})
