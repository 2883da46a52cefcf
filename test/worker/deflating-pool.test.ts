import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { createDeflatingPool } from '../../src/worker/deflating-pool.ts'
import type { SamplingJob } from '../../src/worker/deflating-thread.ts'

const BYTES = 300_000

t.test('a few files are tried out before a thread would have started, more by threads, with one result', async (t) => {
  const root = fs.realpathSync(t.testdir())
  const contents = Array.from({ length: 6 }, (_, index) => (index % 2 === 0 ? randomBytes(BYTES) : Buffer.alloc(BYTES)))
  const files = contents.map((content, index) => {
    fs.writeFileSync(path.join(root, `${index}`), content)
    return { path: `${index}`, size: BYTES }
  })
  const pool = createDeflatingPool(2)
  t.teardown(() => pool.close())
  let threads = 0
  const onWorker = () => {
    threads += 1
  }
  process.on('worker', onWorker)
  t.teardown(() => process.off('worker', onWorker))
  const sample = (some: SamplingJob['files']) => pool.sample({ root, files: some })

  const few = [...(await sample(files.slice(0, 3))), ...(await sample(files.slice(3)))]
  t.equal(threads, 0)
  t.strictSame(await sample(files), few)
  t.equal(threads, 1)
  t.strictSame(
    few.map((sampled) => sampled !== undefined && sampled.deflatedBytes < sampled.bytes / 2),
    [false, true, false, true, false, true]
  )
})
