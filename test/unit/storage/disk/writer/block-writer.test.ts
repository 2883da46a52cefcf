import fs from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  BLOCK_BYTES,
  BlockWriter,
  type BlockWriterOptions
} from '../../../../../src/storage/disk/writer/block-writer.ts'
import { patternOf } from '../../../../support/zip/pack.ts'

const MiB = 2 ** 20

interface Opened {
  readonly writer: BlockWriter
  readonly path: string
  /** What was reported as durable. */
  readonly durable: number[]
}

function openWriter(t: Test, options: Partial<BlockWriterOptions> & { path?: string; flags?: string } = {}): Opened {
  const { path = join(t.testdir(), 'file'), flags = 'w', ...more } = options
  const fd = fs.openSync(path, flags)
  const durable: number[] = []
  const writer = new BlockWriter({
    fd,
    start: 0,
    isDurable: false,
    onDurable: (bytes) => void durable.push(bytes),
    ...more
  })
  t.teardown(async () => {
    await writer.settle()
    fs.closeSync(fd)
  })
  return { writer, path, durable }
}

const isGrowing = (figures: readonly number[]) => figures.every((figure, index) => figure > (figures[index - 1] ?? 0))

t.test('appended bytes are in the file in order', async (t) => {
  const { writer, path } = openWriter(t)
  const parts = [0, 1, 22, BLOCK_BYTES - 23, 0, 1, BLOCK_BYTES, BLOCK_BYTES + 1, 20 * BLOCK_BYTES, 7].map(patternOf)
  let position = 0
  for (const part of parts) {
    await writer.append(part)
    position += part.length
    t.equal(writer.position, position)
  }
  await writer.end()
  t.ok(fs.readFileSync(path).equals(Buffer.concat(parts)))
})

t.test('bytes in the space count once advance is called', async (t) => {
  const { writer, path } = openWriter(t)
  const space = await writer.space()
  space.fill('abcdef', 0, 6)
  t.equal(writer.position, 0)
  writer.advance(2)
  const next = await writer.space()
  t.equal(next.length, BLOCK_BYTES - 2)
  next.write('XY')
  writer.advance(1)
  t.equal(writer.position, 3)
  await writer.end()
  t.equal(fs.readFileSync(path, 'utf8'), 'abX')
})

t.test('when a block is full there is space in the next one', async (t) => {
  const { writer, path } = openWriter(t)
  writer.advance((await writer.space()).fill('a').length)
  t.equal((await writer.space()).length, BLOCK_BYTES)
  await writer.end()
  t.equal(fs.statSync(path).size, BLOCK_BYTES)
})

t.test('an empty file ends at once', async (t) => {
  const { writer, path, durable } = openWriter(t, { isDurable: true })
  await writer.end()
  t.equal(fs.statSync(path).size, 0)
  t.strictSame(durable, [])
})

t.test('writers that reuse the same buffers keep their files separate', async (t) => {
  const directory = t.testdir()
  for (let round = 0; round < 3; round += 1) {
    const opened = [0, 1].map((key) => openWriter(t, { path: join(directory, `${round}-${key}`) }))
    const parts = opened.map((_, key) => patternOf(9 * MiB + key, round * 2 + key))
    await Promise.all(opened.map(({ writer }, key) => writer.append(parts[key] as Buffer).then(() => writer.end())))
    for (const [key, { writer, path }] of opened.entries()) {
      await writer.settle()
      t.ok(fs.readFileSync(path).equals(parts[key] as Buffer), path)
    }
  }
})

t.test('without durability every block is reported once it is written', async (t) => {
  const { writer, durable } = openWriter(t)
  const bytes = 40 * BLOCK_BYTES + 5
  await writer.append(Buffer.alloc(bytes))
  await writer.end()
  t.ok(isGrowing(durable), durable.join(' '))
  t.ok(durable.length > 2, durable.join(' '))
  t.strictSame(
    durable.slice(0, -1).filter((figure) => figure % BLOCK_BYTES !== 0),
    []
  )
  t.equal(durable.at(-1), bytes)
})

t.test('durable bytes grow with the file, never lag far behind, and end at its size', async (t) => {
  const { writer, durable } = openWriter(t, { isDurable: true })
  let furthest = 0
  const blocks = (112 * MiB) / BLOCK_BYTES
  for (let count = 0; count < blocks; count += 1) {
    writer.advance((await writer.space()).length)
    furthest = Math.max(furthest, writer.position - (durable.at(-1) ?? 0))
  }
  await writer.append(Buffer.from('end'))
  await writer.end()
  t.ok(isGrowing(durable), durable.join(' '))
  t.ok(durable.length > 2, durable.join(' '))
  t.equal(durable.at(-1), 112 * MiB + 3)
  t.ok(furthest <= 64 * MiB, `${furthest}`)
})

async function failureOf(t: Test, options: Parameters<typeof openWriter>[1], bytes: number): Promise<string> {
  const { writer, durable } = openWriter(t, options)
  try {
    await writer.append(Buffer.alloc(bytes))
    await writer.end()
  } catch (error) {
    t.strictSame(durable, [])
    await t.rejects(writer.space(), { code: (error as NodeJS.ErrnoException).code })
    await t.rejects(writer.end(), { code: (error as NodeJS.ErrnoException).code })
    await t.resolves(writer.settle())
    return String((error as NodeJS.ErrnoException).code)
  }
  return 'none'
}

t.test('a failed write is thrown at the end at the latest, and by every later call', async (t) => {
  const readable = join(t.testdir({ file: 'old' }), 'file')
  for (const bytes of [1, 40 * MiB]) {
    t.equal(await failureOf(t, { path: readable, flags: 'r' }, bytes), 'EBADF')
    if (fs.existsSync('/dev/full')) t.equal(await failureOf(t, { path: '/dev/full' }, bytes), 'ENOSPC')
  }
  t.equal(fs.readFileSync(readable, 'utf8'), 'old')
})

t.test('a file that cannot be synced is an error, unless it need not be durable', async (t) => {
  for (const bytes of [1, 40 * MiB]) {
    const { writer, durable } = openWriter(t, { path: '/dev/null', isDurable: true })
    await t.rejects(
      writer.append(Buffer.alloc(bytes)).then(() => writer.end()),
      { code: 'EINVAL' }
    )
    t.strictSame(durable, [])
  }
  const { writer, durable } = openWriter(t, { path: '/dev/null' })
  await writer.append(Buffer.alloc(5))
  await writer.end()
  t.strictSame(durable, [5])
})

t.test('an error of the progress report is thrown to the caller', async (t) => {
  const onDurable = () => {
    throw new Error('the report failed')
  }
  const { writer } = openWriter(t, { onDurable })
  await writer.append(Buffer.alloc(5))
  await t.rejects(writer.end(), { message: 'the report failed' })
})
