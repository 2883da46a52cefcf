import t from 'tap'
import { PackageCounter } from '../../src/worker/package-counter.ts'

t.test('a package is whole once the entry after its last one begins within the bytes', async (t) => {
  const counter = new PackageCounter()
  t.equal(counter.within(0), 0)
  counter.expect({ offset: 0, packagesDone: 0 })
  counter.expect({ offset: 10, packagesDone: 1 })
  t.equal(counter.within(15), 0)
  counter.expect({ offset: 20, packagesDone: 1 })
  counter.expect({ offset: 30, packagesDone: 3 })
  t.equal(counter.within(19), 0)
  t.equal(counter.within(20), 1)
  t.equal(counter.within(35), 1)
  t.equal(counter.within(35), 1)
  counter.expect({ offset: 50, packagesDone: 4 })
  t.equal(counter.within(49), 1)
  t.equal(counter.within(1_000), 3)
  t.equal(counter.within(1_001), 3, 'the last one is done with the task')
})

t.test('entries that were told of long before count when their bytes are durable', async (t) => {
  const counter = new PackageCounter()
  for (let entry = 0; entry < 1_000; entry += 1) counter.expect({ offset: entry * 10, packagesDone: entry + 1 })
  t.equal(counter.within(5), 0)
  t.equal(counter.within(5_000), 500)
  t.equal(counter.within(20_000), 999)
})
