import t from 'tap'
import { partSizeOf } from '../../../../src/storage/s3/uploads.ts'

const MIB = 2 ** 20
const TIB = 2 ** 40

t.test('parts are within the limits of S3, for archives of any size', async (t) => {
  for (const size of [0, 22, 5 * MIB, 8 * MIB, 10_000 * 8 * MIB, 10_000 * 8 * MIB + 1, TIB, 5 * TIB]) {
    const part = partSizeOf(size)
    t.ok(part >= 5 * MIB && part <= 5 * 2 ** 30, `${size}: a part has ${part} bytes`)
    t.ok(Math.ceil(size / part) <= 10_000, `${size}: not too many parts`)
    t.equal(part % MIB, 0)
  }
})

t.test('the parts of archives of usual size have 8 MiB', async (t) => {
  t.equal(partSizeOf(78 * 1024 * MIB), 8 * MIB)
  t.equal(partSizeOf(79 * 1024 * MIB), 9 * MIB)
})
