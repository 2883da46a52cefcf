import t from 'tap'
import { CheckpointTrail } from '../../../src/zip/checkpoints.ts'

const MiB = 2 ** 20
const START = { offset: 0, position: 0, crc32: 0 }

t.test('the last checkpoint within the durable bytes is returned', (t) => {
  const trail = new CheckpointTrail<{ position: number }>(START)
  t.same(trail.upTo(0), { checkpoint: START, lastEntry: undefined })
  const half = { offset: 4 * MiB, position: 0, crc32: 7 }
  trail.add(half)
  trail.addAfter({ position: 0 }, 6 * MiB)
  trail.addAfter({ position: 1 }, 9 * MiB)
  t.same(trail.upTo(4 * MiB - 1), { checkpoint: START, lastEntry: undefined })
  t.same(trail.upTo(4 * MiB), { checkpoint: half, lastEntry: undefined })
  const second = { checkpoint: { offset: 6 * MiB, position: 1, crc32: 0 }, lastEntry: { position: 0 } }
  t.same(trail.upTo(9 * MiB - 1), second)
  t.same(trail.upTo(9 * MiB - 1), second, 'also when nothing has become durable since')
  t.match(trail.upTo(100 * MiB), { checkpoint: { offset: 9 * MiB, position: 2 }, lastEntry: { position: 1 } })
  t.end()
})

t.test('a resumed run begins with its given checkpoint', (t) => {
  const given = { offset: 50 * MiB, position: 12, crc32: 9 }
  t.same(new CheckpointTrail(given).upTo(60 * MiB), { checkpoint: given, lastEntry: undefined })
  t.end()
})

t.test('few checkpoints are kept of a million small entries, and each is less than a mebibyte behind', (t) => {
  const trail = new CheckpointTrail<{ position: number }>(START)
  for (let position = 0; position < 1_000_000; position += 1) trail.addAfter({ position }, (position + 1) * 60)
  for (let bytes = 0; bytes <= 60_000_000; bytes += 7_654_321) {
    const { checkpoint, lastEntry } = trail.upTo(bytes)
    t.ok(checkpoint.offset <= bytes && bytes - checkpoint.offset < MiB + 60, `${bytes}`)
    t.equal(checkpoint.offset, checkpoint.position * 60)
    t.equal(checkpoint.position, lastEntry === undefined ? 0 : lastEntry.position + 1)
  }
  t.end()
})
