import t from 'tap'
import { release } from '../../../../src/http/transfer/release-memory.ts'

t.test('large memory goes back, and nothing is left of it', async (t) => {
  const bytes = Buffer.alloc(1_000_000)
  release(bytes.subarray(0, 10))
  t.equal(bytes.length, 0)
})

t.test('what lies in the pool of small buffers stays, for others do so too', async (t) => {
  const [bytes, neighbour] = [Buffer.from('small'), Buffer.from('another')]
  release(bytes)
  t.equal(bytes.toString(), 'small')
  t.equal(neighbour.toString(), 'another')
})
