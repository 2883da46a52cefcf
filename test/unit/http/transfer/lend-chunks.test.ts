import t from 'tap'
import { lendChunks } from '../../../../src/http/transfer/lend-chunks.ts'

async function* from(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks
}

const chunk = (length: number) => Buffer.allocUnsafeSlow(length).fill(7)

t.test('a chunk is there until enough behind it was taken, and then its memory is free', async (t) => {
  const chunks = [chunk(10), chunk(10), chunk(10), chunk(10)]
  const lengths: number[][] = []
  for await (const taken of lendChunks(from(chunks), 20)) {
    t.equal(taken[0], 7)
    lengths.push(chunks.map(({ length }) => length))
  }
  t.same(lengths, [
    [10, 10, 10, 10],
    [10, 10, 10, 10],
    [10, 10, 10, 10],
    [0, 10, 10, 10]
  ])
})

t.test('memory that others have too is never taken from them', async (t) => {
  const shared = chunk(30)
  const pooled = Buffer.from('of the pool')
  const parts = [shared.subarray(0, 10), shared.subarray(10), pooled, chunk(100), chunk(100)]
  for await (const _ of lendChunks(from(parts), 1));
  t.equal(shared.length, 30)
  t.equal(String(pooled), 'of the pool')
})

t.test('chunks come unchanged and in order, however they are cut', async (t) => {
  const contents = Array.from({ length: 50 }, (_, index) => Buffer.alloc(index * 7, index))
  const taken: string[] = []
  for await (const part of lendChunks(from(contents.map((content) => Buffer.from(content))), 100)) {
    taken.push(part.toString('hex'))
  }
  t.same(
    taken,
    contents.map((content) => content.toString('hex'))
  )
})
