import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { combineCrc32 } from '../../src/core/combine-crc32.ts'

t.test('the CRC-32 of two halves is that of the whole', async (t) => {
  const bytes = fc.uint8Array({ maxLength: 5_000 })
  fc.assert(
    fc.property(bytes, bytes, (first, second) => {
      const whole = crc32(Buffer.concat([first, second]))
      return combineCrc32(crc32(first), crc32(second), second.length) === whole
    })
  )
  t.pass('held for all halves')
})

t.test('an empty half changes nothing', async (t) => {
  const crc = crc32('firmware')
  t.equal(combineCrc32(crc, 0, 0), crc)
  t.equal(combineCrc32(0, crc, 8), crc)
})

t.test('halves of more than four gigabytes can be combined', async (t) => {
  const zeros = Buffer.alloc(2 ** 20)
  const crcOfZeros = crc32(zeros)
  let expected = crc32('head')
  let tail = 0
  for (let count = 0; count < 4_100; count += 1) {
    tail = combineCrc32(tail, crcOfZeros, zeros.length)
    expected = combineCrc32(expected, crcOfZeros, zeros.length)
  }
  t.equal(combineCrc32(crc32('head'), tail, 4_100 * zeros.length), expected)
})
