import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { DatabaseUnusable } from '../../../../src/store/engine/database-unusable.ts'
import { acquireInstanceLock, InstanceLocked, lockFileIn } from '../../../../src/store/engine/instance-lock.ts'

const MODULE = path.join(import.meta.dirname, '../../../../src/store/engine/instance-lock.ts')

/** A process that has taken the lock, and keeps nothing of what it got. */
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
  const [said] = await Promise.race([once(child.stdout as NodeJS.EventEmitter, 'data'), once(child, 'exit')])
  t.equal(String(said), 'locked')
  return child
}

t.test('a second process is refused until the first is dead, however it died', async (t) => {
  const directory = t.testdir()
  const file = lockFileIn(directory)
  const child = await holder(t, file)
  t.throws(() => acquireInstanceLock(file), InstanceLocked)
  t.throws(
    () => acquireInstanceLock(file),
    { message: `Another fixdepot works in ${directory}.` },
    'it can be asked again'
  )
  child.kill('SIGKILL')
  await once(child, 'exit')
  const lock = acquireInstanceLock(file)
  t.teardown(() => lock.release())
  t.same(fs.readdirSync(directory), ['fixdepot.lock'])
})

t.test('a lock that is released can be taken again, in the same process too', async (t) => {
  const file = lockFileIn(t.testdir())
  const first = acquireInstanceLock(file)
  t.throws(() => acquireInstanceLock(file), InstanceLocked)
  first.release()
  acquireInstanceLock(file).release()
})

t.test('locks of two directories have nothing to do with each other', async (t) => {
  const root = t.testdir({ one: {}, two: {} })
  const locks = ['one', 'two'].map((name) => acquireInstanceLock(lockFileIn(path.join(root, name))))
  t.equal(locks.length, 2)
  for (const lock of locks) lock.release()
})

t.test(
  'a directory that is not there, or something else in the place of the lock, is told in a sentence',
  async (t) => {
    const root = t.testdir({
      'fixdepot.lock': 'what somebody else has written here\n'.repeat(40),
      taken: { 'fixdepot.lock': {} }
    })
    t.throws(() => acquireInstanceLock(lockFileIn(root)), DatabaseUnusable)
    t.throws(() => acquireInstanceLock(lockFileIn(root)), {
      message: /is not the lock that fixdepot made\. Remove the file/
    })
    t.throws(() => acquireInstanceLock(lockFileIn(path.join(root, 'taken'))), DatabaseUnusable)
    t.throws(() => acquireInstanceLock(lockFileIn(path.join(root, 'absent'))), DatabaseUnusable)
  }
)
