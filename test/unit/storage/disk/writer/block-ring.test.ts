import t from 'tap'
import {
  BLOCK_BYTES,
  createSharedBlocks,
  drainRing,
  RingFiller
} from '../../../../../src/storage/disk/writer/block-ring.ts'

t.test('blocks are drained unchanged, up to the end', async (t) => {
  const shared = createSharedBlocks()
  const filler = new RingFiller(shared)
  for (const text of ['one', 'two', 'three']) filler.put((await filler.take()).write(text))
  await filler.end()
  const written: string[] = []
  t.equal(
    drainRing(shared, (block) => void written.push(block.toString())),
    undefined
  )
  t.same(written, ['one', 'two', 'three'])
  t.equal(filler.writtenBytes, 11)
})

t.test('an empty block is refused: the other side would wait for it forever', async (t) => {
  const filler = new RingFiller(createSharedBlocks())
  t.equal((await filler.take()).length, BLOCK_BYTES)
  t.throws(() => filler.put(0), RangeError)
})

t.test('after a failed write nothing is written any more, and the error is returned at the end', async (t) => {
  const shared = createSharedBlocks()
  const filler = new RingFiller(shared)
  for (const text of ['one', 'two']) filler.put((await filler.take()).write(text))
  await filler.end()
  let calls = 0
  const failure = new Error('EIO')
  t.equal(
    drainRing(shared, () => {
      calls += 1
      throw failure
    }),
    failure
  )
  t.equal(calls, 1)
  t.same([filler.hasFailed, filler.writtenBytes], [true, 0])
})
