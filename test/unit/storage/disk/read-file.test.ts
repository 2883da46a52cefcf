import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import t from 'tap'
import { UnsafePathError } from '../../../../src/core/storage/relative-path.ts'
import { digestFile, readWhole } from '../../../../src/storage/disk/read-file.ts'
import { stampOf } from '../../../../src/storage/disk/walk-repository.ts'

const MIB = 1024 * 1024

/** Bytes whose period is no power of two. */
function patternOf(length: number): Buffer {
  const pattern = Buffer.alloc(length)
  for (let index = 0; index < length; index += 1) pattern[index] = (index * 31 + (index >> 8)) % 251
  return pattern
}

t.test('digests are those of the whole file, whatever its size', async (t) => {
  const root = fs.realpathSync(t.testdir())
  for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 12_345]) {
    const bytes = patternOf(size)
    fs.writeFileSync(path.join(root, 'file'), bytes)
    t.same(
      digestFile(root, 'file'),
      {
        crc32: crc32(bytes),
        sha256: createHash('sha256').update(bytes).digest('hex'),
        stamp: stampOf(fs.statSync(path.join(root, 'file'), { bigint: true }))
      },
      `${size} bytes`
    )
  }
})

t.test('the open file can be read whole after its digests', async (t) => {
  const root = fs.realpathSync(t.testdir({ sub: { file: 'content' } }))
  let seen = ''
  let descriptor = -1
  digestFile(root, 'sub/file', (fd, size) => {
    descriptor = fd
    seen = readWhole(fd, size).toString()
  })
  t.equal(seen, 'content')
  t.throws(() => fs.fstatSync(descriptor), { code: 'EBADF' }, 'it is closed afterwards')
})

t.test('the file is closed when its reader fails', async (t) => {
  const root = fs.realpathSync(t.testdir({ file: 'content' }))
  let descriptor = -1
  const fail = (fd: number) => {
    descriptor = fd
    throw new Error('cannot be parsed')
  }
  t.throws(() => digestFile(root, 'file', fail), /cannot be parsed/)
  t.throws(() => fs.fstatSync(descriptor), { code: 'EBADF' })
})

t.test('a file that changes while it is read has the stamp after the change', async (t) => {
  const root = fs.realpathSync(t.testdir({ file: 'content' }))
  const file = path.join(root, 'file')
  const before = stampOf(fs.statSync(file, { bigint: true }))
  const { stamp } = digestFile(root, 'file', () => fs.appendFileSync(file, ' and more'))
  t.not(stamp, before)
  t.equal(stamp, stampOf(fs.statSync(file, { bigint: true })))
})

t.test('a file that is shorter than its size is read to its end', async (t) => {
  const root = t.testdir({ file: 'content' })
  const fd = fs.openSync(path.join(root, 'file'), 'r')
  t.teardown(() => fs.closeSync(fd))
  t.equal(readWhole(fd, 100).toString(), 'content')
  t.equal(readWhole(fd, 4).toString(), 'cont')
  t.equal(readWhole(fd, 0).length, 0)
})

t.test('files outside, and missing ones, are not read', async (t) => {
  const root = fs.realpathSync(t.testdir())
  fs.symlinkSync('/etc/hosts', path.join(root, 'link'))
  t.throws(() => digestFile(root, 'link'), UnsafePathError)
  t.throws(() => digestFile(root, '../file'), UnsafePathError)
  t.throws(() => digestFile(root, 'absent'), { code: 'ENOENT' })
})
