/** The contract of every storage of archives; it runs against each implementation. */
import { crc32 } from 'node:zlib'
import type { Test } from 'tap'
import type { ArchiveClaim, ArchiveStorage, GrowingArchive } from '../../src/core/storage/archive-storage.ts'

export const NAME = 'repository20260102030405.zip'
const UNSAFE_NAMES = [
  '',
  '.',
  '..',
  '../a.zip',
  '/tmp/a.zip',
  'a/b.zip',
  'a\\b.zip',
  'a\0.zip',
  'a\n.zip',
  '\ud800.zip'
]

export interface StorageUnderTest {
  readonly storage: ArchiveStorage
  /**
   * Bytes of an archive of which some can be kept and others not, and a number of bytes after which one can be gone on
   * with.
   */
  readonly size: number
  readonly step: number
}

export const claimOf = (size: number, claim: Partial<ArchiveClaim> = {}): ArchiveClaim => ({
  name: NAME,
  token: 1,
  size,
  start: 0,
  signal: new AbortController().signal,
  ...claim
})

/** Bytes that differ in any two parts. */
export function contentOf(size: number): Buffer {
  const content = Buffer.alloc(size)
  for (let at = 0; at + 4 <= size; at += 4) content.writeUInt32LE(Math.imul(at + 1, 2_654_435_761) >>> 0, at)
  return content
}

/** Appends the rest of the content. @returns the numbers of bytes that were reported as durable */
export async function write(archive: GrowingArchive, content: Buffer): Promise<number[]> {
  const durable: number[] = []
  const output = archive.openOutput((bytes) => void durable.push(bytes))
  try {
    await output.append(content.subarray(archive.size))
    await output.end()
  } finally {
    await output.settle()
  }
  return durable
}

export async function make(storage: ArchiveStorage, content: Buffer, claim: Partial<ArchiveClaim> = {}): Promise<void> {
  const archive = await storage.resume(claimOf(content.length, claim))
  await write(archive, content)
  await archive.publish()
}

/** Writes the first bytes and keeps them, like a worker that is stopped. */
export async function leaveAt(storage: ArchiveStorage, content: Buffer, bytes: number, token: number): Promise<void> {
  const archive = await storage.resume(claimOf(content.length, { token }))
  const reached = Promise.withResolvers<void>()
  const output = archive.openOutput((durable) => {
    if (durable >= bytes) reached.resolve()
  })
  await output.append(content.subarray(0, bytes))
  // Once there is space again, the full parts are being uploaded.
  if (output.checkpointEvery !== undefined) await output.space()
  else await output.end()
  await reached.promise
  await output.settle()
  await archive.keep()
}

export async function read(storage: ArchiveStorage, name = NAME): Promise<Buffer | undefined> {
  const archive = await storage.open(name, 'digest')
  if (archive === undefined) return undefined
  try {
    const pieces: Buffer[] = []
    for (let position = 0; position < archive.size; ) {
      const piece = Buffer.alloc(1_000_000)
      const length = await archive.readInto(piece, position)
      pieces.push(piece.subarray(0, length))
      position += length
    }
    return Buffer.concat(pieces)
  } finally {
    await archive.close()
  }
}

export function runStorageSuite(t: Test, open: (t: Test) => Promise<StorageUnderTest>): void {
  t.test('an archive does not exist under its name before it is published, and is complete afterwards', async (t) => {
    const { storage, size } = await open(t)
    const content = contentOf(size)
    const archive = await storage.resume(claimOf(size))
    t.match(archive, { size: 0, isPublished: false })
    const durable = await write(archive, content)
    t.same(
      durable,
      [...new Set(durable)].sort((left, right) => left - right),
      'the number of durable bytes grows'
    )
    t.equal(durable.at(-1), size)
    t.equal(await storage.open(NAME, 'digest'), undefined)
    t.equal(await storage.hasWhole(NAME, size), false)
    await archive.publish()
    t.equal(await storage.hasWhole(NAME, size), true)
    t.equal(await storage.hasWhole(NAME, size + 1), false)
    t.equal(crc32((await read(storage)) ?? ''), crc32(content))
    t.match(await storage.ownFiles(), [{ archiveName: NAME, token: undefined }])
  })

  t.test('a discarded archive leaves nothing behind', async (t) => {
    const { storage } = await open(t)
    const archive = await storage.resume(claimOf(4))
    await write(archive, Buffer.from('half'))
    await archive.discard()
    t.same(await storage.ownFiles(), [])
    t.equal(await storage.open(NAME, 'digest'), undefined)
  })

  t.test('the bytes before the checkpoint of a former lease are kept', async (t) => {
    const { storage, size, step } = await open(t)
    const content = contentOf(size)
    await leaveAt(storage, content, step, 1)
    const archive = await storage.resume(claimOf(size, { token: 2, start: step }))
    t.match(archive, { size: step, isPublished: false })
    const durable = await write(archive, content)
    t.ok(
      durable.every((bytes) => bytes > step),
      'none of them is written again'
    )
    await archive.publish()
    t.ok((await read(storage))?.equals(content))
    t.equal((await storage.ownFiles()).length, 1)
  })

  t.test('an archive without a checkpoint is written anew', async (t) => {
    const { storage, size, step } = await open(t)
    const content = contentOf(size)
    await leaveAt(storage, Buffer.alloc(size, 'x'), step, 1)
    await make(storage, content, { token: 2 })
    t.ok((await read(storage))?.equals(content))
    t.equal((await storage.ownFiles()).length, 1)
  })

  t.test('an archive that is shorter than its checkpoint, or gone, is written anew', async (t) => {
    const { storage, size, step } = await open(t)
    const content = contentOf(size)
    t.equal((await storage.resume(claimOf(size, { token: 2, start: step }))).size, 0)
    await leaveAt(storage, content, step, 3)
    await storage.removeParts(NAME)
    t.same(await storage.ownFiles(), [])
    const archive = await storage.resume(claimOf(size, { token: 4, start: step }))
    t.equal(archive.size, 0)
    await archive.discard()
  })

  t.test('an archive that was published, but not recorded, is completed without its source files', async (t) => {
    const { storage, size, step } = await open(t)
    const content = contentOf(size)
    await make(storage, content)
    const archive = await storage.resume(claimOf(size, { token: 2, start: step }))
    if (!archive.isPublished) await write(archive, content)
    await archive.publish()
    t.ok((await read(storage))?.equals(content))
    t.equal((await storage.ownFiles()).length, 1)
  })

  t.test('publishing again under the same name makes the whole archive available', async (t) => {
    const { storage, size } = await open(t)
    const content = contentOf(size)
    await make(storage, content)
    await make(storage, content)
    t.ok((await read(storage))?.equals(content))
    t.equal((await storage.ownFiles()).length, 1)
  })

  t.test('an open archive knows its facts and can be read from any position', async (t) => {
    const { storage } = await open(t)
    const before = Date.now()
    await make(storage, Buffer.from('0123456789'))
    const archive = await storage.open(NAME, 'digest')
    t.match(archive, { name: NAME, size: 10, digest: 'digest', contentType: 'application/zip' })
    t.ok(Math.abs(Number(archive?.modifiedAt) - before) < 60_000)
    const textOf = async (position: number, length = 100, end?: number) => {
      const buffer = Buffer.alloc(length)
      return buffer.toString('utf8', 0, await archive?.readInto(buffer, position, end))
    }
    t.equal(await textOf(0), '0123456789')
    t.equal(await textOf(3, 4), '3456')
    t.equal(await textOf(7, 1), '7')
    t.equal(await textOf(8, 100), '89')
    t.equal(await textOf(2, 3, 4), '234')
    t.equal(await textOf(10, 1), '')
    await archive?.close()
  })

  t.test('two readers of the same archive do not affect each other', async (t) => {
    const { storage, size, step } = await open(t)
    const content = contentOf(size)
    await make(storage, content)
    t.same(
      (await Promise.all([read(storage), read(storage)])).map((bytes) => bytes?.equals(content)),
      [true, true]
    )
    const archive = await storage.open(NAME, 'digest')
    const [one, other] = [Buffer.alloc(1000), Buffer.alloc(1000)]
    await archive?.readInto(one, step)
    await archive?.readInto(other, 0)
    t.ok(one.equals(content.subarray(step, step + 1000)) && other.equals(content.subarray(0, 1000)))
    await archive?.close()
  })

  t.test('each of its own files is removed by its listed name, and a missing file is no error', async (t) => {
    const { storage, size, step } = await open(t)
    await make(storage, Buffer.from('whole'))
    await leaveAt(storage, contentOf(size), step, 1).catch(() => {})
    for (const { fileName } of await storage.ownFiles()) {
      await storage.remove(fileName)
      await storage.remove(fileName)
    }
    t.same(await storage.ownFiles(), [])
  })

  t.test('an aborted claim rejects with the reason', async (t) => {
    const { storage, size } = await open(t)
    const reason = new Error('enough')
    if (!storage.isRemote) return t.pass('a disk needs no waiting')
    await t.rejects(storage.resume(claimOf(size, { signal: AbortSignal.abort(reason) })), reason)
  })

  t.test('the first of several concurrent ownership markers is kept, and it is no archive', async (t) => {
    const { storage } = await open(t)
    const markers = ['one', 'two', 'three']
    const left = await Promise.all(markers.map((marker) => storage.claimOwnership(marker)))
    t.ok(markers.includes(left[0] ?? ''))
    t.same(left, [left[0], left[0], left[0]])
    t.equal(await storage.claimOwnership('four'), left[0])
    t.same(await storage.ownFiles(), [])
  })

  t.test('unsafe names are refused before any file is touched', async (t) => {
    const { storage } = await open(t)
    for (const name of UNSAFE_NAMES) {
      const refusal = /cannot be the name of an archive/
      await t.rejects(storage.resume(claimOf(1, { name })), refusal, `resume ${JSON.stringify(name)}`)
      await t.rejects(storage.open(name, 'digest'), refusal, `open ${JSON.stringify(name)}`)
    }
    t.same(await storage.ownFiles(), [])
  })

  t.test('free space is reported, and the check succeeds', async (t) => {
    const { storage } = await open(t)
    t.ok((await storage.freeBytes()) > 0)
    await storage.check()
  })
}
