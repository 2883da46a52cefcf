import path from 'node:path'
import t from 'tap'
import { checkReadableDirectory, readVolumeSpace } from '../../../../src/storage/disk/volume.ts'

t.test('the free space of a volume is not larger than its size', async (t) => {
  const { freeBytes, totalBytes } = await readVolumeSpace(t.testdir())
  t.ok(Number.isSafeInteger(freeBytes) && Number.isSafeInteger(totalBytes))
  t.ok(freeBytes > 0 && freeBytes <= totalBytes)
})

t.test('an existing directory is readable, empty or not', async (t) => {
  const directory = t.testdir({ empty: {}, 'file.bin': 'x' })
  t.equal(await checkReadableDirectory(directory), undefined)
  t.equal(await checkReadableDirectory(path.join(directory, 'empty')), undefined)
})

t.test("anything but a directory is the system's error", async (t) => {
  const directory = t.testdir({ 'file.bin': 'x' })
  await t.rejects(checkReadableDirectory(path.join(directory, 'absent')), { code: 'ENOENT' })
  await t.rejects(checkReadableDirectory(path.join(directory, 'file.bin')), { code: 'ENOTDIR' })
  await t.rejects(readVolumeSpace(path.join(directory, 'absent')), { code: 'ENOENT' })
})
