import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { DatabaseUnusable } from '../../../../src/store/engine/database-unusable.ts'
import { acquireInstanceLock, InstanceLocked, lockFileIn } from '../../../../src/store/engine/instance-lock.ts'

const MODULE = path.join(import.meta.dirname, '../../../../src/store/engine/instance-lock.ts')

/** A process that has acquired the lock, and keeps no reference to it. */
async function holder(t: Test, file: string): Promise<ChildProcess> {
  const script = `
    const { acquireInstanceLock } = await import(${JSON.stringify(MODULE)})
    acquireInstanceLock(${JSON.stringify(file)})
    gc()
    process.stdout.write('locked')
    setInterval(() => gc(), 5)
  `
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '--eval', script], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const [output] = await Promise.race([once(child.stdout as NodeJS.EventEmitter, 'data'), once(child, 'exit')])
  t.equal(String(output), 'locked')
  return child
}

t.test('a second process is refused until the first one has died in any way', async (t) => {
  const directory = t.testdir()
  const file = lockFileIn(directory)
  const child = await holder(t, file)
  t.throws(() => acquireInstanceLock(file), InstanceLocked)
  t.throws(
    () => acquireInstanceLock(file),
    { message: `Another fixdepot uses ${directory}.` },
    'a second attempt is refused as well'
  )
  child.kill('SIGKILL')
  await once(child, 'exit')
  const lock = acquireInstanceLock(file)
  t.teardown(() => lock.release())
  t.same(fs.readdirSync(directory), ['fixdepot.lock'])
})

t.test('a released lock can be acquired again, even in the same process', async (t) => {
  const file = lockFileIn(t.testdir())
  const first = acquireInstanceLock(file)
  t.throws(() => acquireInstanceLock(file), InstanceLocked)
  first.release()
  acquireInstanceLock(file).release()
})

t.test('locks of two directories are independent', async (t) => {
  const root = t.testdir({ one: {}, two: {} })
  const locks = ['one', 'two'].map((name) => acquireInstanceLock(lockFileIn(path.join(root, name))))
  t.equal(locks.length, 2)
  for (const lock of locks) lock.release()
})

t.test('a missing directory, or something else at the path of the lock, is reported in a sentence', async (t) => {
  const root = t.testdir({
    'fixdepot.lock': 'content of another program\n'.repeat(40),
    taken: { 'fixdepot.lock': {} }
  })
  t.throws(() => acquireInstanceLock(lockFileIn(root)), DatabaseUnusable)
  t.throws(() => acquireInstanceLock(lockFileIn(root)), {
    message: /is not a lock file of fixdepot\. Remove the file/
  })
  t.throws(() => acquireInstanceLock(lockFileIn(path.join(root, 'taken'))), DatabaseUnusable)
  t.throws(() => acquireInstanceLock(lockFileIn(path.join(root, 'absent'))), DatabaseUnusable)
})
