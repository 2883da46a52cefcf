/** A few files of an import are read in the calling thread; a repository is read by the threads of the pool. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { stampOf } from '../../../../src/storage/disk/walk-repository.ts'
import type { UnreadFile } from '../../../../src/store/scan/file-index.ts'
import { createFileReaderPool } from '../../../../src/worker/scan/file-reader-pool.ts'
import type { FileReadResult } from '../../../../src/worker/scan/file-reader-thread.ts'

/** Reads this number of new files, and returns how many threads were started. */
async function readNew(t: Test, count: number, bytes: number) {
  const root = fs.realpathSync(t.testdir())
  const files: UnreadFile[] = Array.from({ length: count }, (_, index) => {
    const name = `${index}.uxz`
    fs.writeFileSync(path.join(root, name), Buffer.alloc(bytes, name))
    return { path: name, size: bytes, stamp: stampOf(fs.lstatSync(path.join(root, name), { bigint: true })) }
  })
  const pool = createFileReaderPool(2)
  t.teardown(() => pool.close())
  let threads = 0
  const onWorker = () => {
    threads += 1
  }
  process.on('worker', onWorker)
  t.teardown(() => process.off('worker', onWorker))
  const results: FileReadResult[] = []
  await pool.readAll(root, pages(files), async (portion) => {
    results.push(...portion)
  })
  const digestOf = (file: UnreadFile) =>
    createHash('sha256')
      .update(fs.readFileSync(path.join(root, file.path)))
      .digest('hex')
  t.strictSame(
    results.map((result) => [result.path, 'sha256' in result && result.sha256]).sort(),
    files.map((file) => [file.path, digestOf(file)]).sort()
  )
  return threads
}

async function* pages(files: readonly UnreadFile[]) {
  yield files
}

t.test('a few small files are read before a thread would have started', async (t) => {
  t.equal(await readNew(t, 3, 1000), 0)
})

t.test('many files, and large ones, are read by threads', async (t) => {
  t.not(await readNew(t, 50, 1000), 0)
  t.not(await readNew(t, 2, 400_000), 0)
})
