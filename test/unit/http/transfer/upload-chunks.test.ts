import { PassThrough, Readable } from 'node:stream'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { chunksOf, lendChunks } from '../../../../src/http/transfer/upload-chunks.ts'

const KIB = 1024
const HIGH_WATER_BYTES = 512 * KIB

async function someTurns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** A stream like those of the parser: it holds exactly what is pushed into it. */
const pushed = () => new Readable({ read() {}, highWaterMark: 64 * KIB })

/** The chunks up to the end, or up to the error, which is then the last item. */
async function collect(stream: Readable): Promise<unknown[]> {
  const chunks: unknown[] = []
  try {
    for await (const chunk of chunksOf(stream)) chunks.push(chunk)
  } catch (error) {
    chunks.push(error)
  }
  return chunks
}

/** Rejects after 1,000 turns of the event loop instead of waiting forever. */
async function soon<Value>(promise: Promise<Value>): Promise<Value> {
  const late = someTurns(1_000).then(() => {
    throw new Error('The promise is still pending')
  })
  return Promise.race([promise, late])
}

function listenForUnhandled(t: Test): unknown[] {
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown) => unhandled.push(reason)
  for (const event of ['unhandledRejection', 'uncaughtException']) {
    process.on(event, onUnhandled)
    t.teardown(() => process.off(event, onUnhandled))
  }
  return unhandled
}

t.test('chunksOf yields the chunks one by one, without copying them', async (t) => {
  const stream = pushed()
  const given = ['first', 'second', 'third'].map((text) => Buffer.from(text))
  const collecting = collect(stream)
  await someTurns()
  for (const chunk of given) stream.push(chunk)
  await someTurns()
  stream.push(null)
  const taken = await soon(collecting)
  t.equal(taken.length, 3)
  t.ok(
    taken.every((chunk, index) => chunk === given[index]),
    'no chunk is a copy'
  )
})

t.test('chunksOf pauses the stream while too many bytes wait, and resumes it when they are consumed', async (t) => {
  let given = 0
  const stream = new Readable({
    highWaterMark: 16 * KIB,
    read() {
      given += 16 * KIB
      this.push(given > 4 * HIGH_WATER_BYTES ? null : Buffer.alloc(16 * KIB))
    }
  })
  const chunks = chunksOf(stream)
  let taken = 0
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
    taken += next.value.length
    if (taken % (256 * KIB) !== 0) continue
    await someTurns()
    t.ok(given - taken <= HIGH_WATER_BYTES + 2 * 16 * KIB, `${given - taken} bytes wait`)
  }
  t.equal(taken, 4 * HIGH_WATER_BYTES)
})

t.test('chunksOf yields the chunks before an error, and then throws the error', async (t) => {
  const stream = pushed()
  const broken = new Error('the connection is broken')
  const collecting = collect(stream)
  stream.push('first')
  stream.push('second')
  await someTurns()
  stream.push('third')
  await someTurns()
  stream.destroy(broken)
  t.same((await soon(collecting)).map(String), ['first', 'second', 'third', String(broken)])
})

t.test('chunksOf loses no chunk that arrives together with the end while the consumer is busy', async (t) => {
  const stream = pushed()
  const chunks = chunksOf(stream)
  stream.push('first')
  await chunks.next()
  // The consumer has the first chunk.
  stream.push('second')
  await someTurns()
  stream.push(null)
  await someTurns()
  t.equal(String((await soon(chunks.next())).value), 'second')
  t.match(await soon(chunks.next()), { done: true })
})

t.test('chunksOf throws an error that occurred before it was called', async (t) => {
  const unhandled = listenForUnhandled(t)
  const broken = new Error('the connection is broken')
  const failed = pushed()
  failed.on('error', () => {})
  failed.push('lost')
  failed.destroy(broken)
  await someTurns()
  t.same(await soon(collect(failed)), [broken])
  const destroyed = pushed()
  destroyed.destroy()
  await someTurns()
  t.match(await soon(collect(destroyed)), [{ code: 'ERR_STREAM_PREMATURE_CLOSE' }])
  t.same(unhandled, [])
})

t.test('chunksOf throws when the stream is destroyed without an error before its end', async (t) => {
  const stream = pushed()
  const collecting = collect(stream)
  stream.push('half')
  await someTurns()
  stream.destroy()
  t.match(await soon(collecting), [Buffer.from('half'), { code: 'ERR_STREAM_PREMATURE_CLOSE' }])
})

t.test('chunksOf ends for a stream without content, also when the stream ended before the call', async (t) => {
  const empty = pushed()
  empty.push(null)
  t.same(await soon(collect(empty)), [])
  const ended = pushed()
  ended.push(null)
  ended.resume()
  await someTurns()
  t.ok(ended.readableEnded)
  t.same(await soon(collect(ended)), [])
  const whole = pushed()
  whole.push('all of it')
  whole.push(null)
  await someTurns()
  t.same((await soon(collect(whole))).map(String), ['all of it'])
})

t.test('an error of the stream after the consumer has stopped is not an unhandled error', async (t) => {
  const unhandled = listenForUnhandled(t)
  const stream = pushed()
  stream.push('first')
  for await (const _ of chunksOf(stream)) break
  for (let count = 0; count < 100; count += 1) stream.push(Buffer.alloc(16 * KIB))
  await someTurns()
  t.ok(stream.readableLength > 512 * KIB, 'the rest stays in the stream')
  stream.destroy(new Error('the upload has failed'))
  await someTurns()
  t.same(unhandled, [])
})

t.test('chunksOf yields all chunks in order for any timing of producer and consumer', async (t) => {
  const step = fc.record({ size: fc.constantFrom(1, 100, 64 * KIB, 300 * KIB), pause: fc.nat(2), rest: fc.nat(2) })
  const areSame = async (steps: readonly { size: number; pause: number; rest: number }[], doesFail: boolean) => {
    const stream = new PassThrough({ highWaterMark: 64 * KIB })
    const giving = (async () => {
      for (const [index, { size, pause }] of steps.entries()) {
        stream.write(Buffer.alloc(size, index))
        await someTurns(pause)
      }
      if (doesFail) stream.destroy(new Error('broken'))
      else stream.end()
    })()
    const taken: Buffer[] = []
    let hasFailed = false
    try {
      for await (const chunk of chunksOf(stream)) {
        taken.push(chunk)
        await someTurns(steps[taken.length % steps.length]?.rest)
      }
    } catch {
      hasFailed = true
    }
    await giving
    const given = Buffer.concat(steps.map(({ size }, index) => Buffer.alloc(size, index)))
    const all = Buffer.concat(taken)
    return hasFailed === doesFail && all.equals(doesFail ? given.subarray(0, all.length) : given)
  }
  const steps = fc.array(step, { minLength: 1, maxLength: 20 })
  await t.resolves(fc.assert(fc.asyncProperty(steps, fc.boolean(), areSame), { numRuns: 60 }))
})

async function* yieldAll(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks
}

const chunk = (length: number) => Buffer.allocUnsafeSlow(length).fill(7)

t.test('lendChunks frees a chunk once enough bytes after it are consumed', async (t) => {
  const chunks = [chunk(10), chunk(10), chunk(10), chunk(10)]
  const lengths: number[][] = []
  for await (const taken of lendChunks(yieldAll(chunks), 20)) {
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

t.test('lendChunks does not free memory that is shared with other buffers', async (t) => {
  const shared = chunk(30)
  const pooled = Buffer.from('of the pool')
  const parts = [shared.subarray(0, 10), shared.subarray(10), pooled, chunk(100), chunk(100)]
  for await (const _ of lendChunks(yieldAll(parts), 1));
  t.equal(shared.length, 30)
  t.equal(String(pooled), 'of the pool')
})

t.test('lendChunks yields the chunks unchanged and in order', async (t) => {
  const contents = Array.from({ length: 50 }, (_, index) => Buffer.alloc(index * 7, index))
  const taken: string[] = []
  for await (const part of lendChunks(yieldAll(contents.map((content) => Buffer.from(content))), 100)) {
    taken.push(part.toString('hex'))
  }
  t.same(
    taken,
    contents.map((content) => content.toString('hex'))
  )
})
